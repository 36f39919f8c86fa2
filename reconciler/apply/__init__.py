"""Stage 8: PUTs and their outcomes."""
