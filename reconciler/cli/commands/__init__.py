"""The commands, one module each: its options, and the calls from their values to an exit code."""
