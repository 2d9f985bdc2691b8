"""See that a host has crashed, say so in one sentence, propose the run or start it."""
