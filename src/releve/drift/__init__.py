"""Hold two observed states against each other and explain what differs: pure, no I/O."""
