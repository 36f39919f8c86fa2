"""The loop: rounds, for as long as the process lives."""
