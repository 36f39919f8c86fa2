"""Stage 8: PUTs, and what became of them."""
