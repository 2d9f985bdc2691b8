"""Words to people over apprise, in a child process that is ended when its time is over."""
