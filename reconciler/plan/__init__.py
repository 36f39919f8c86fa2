"""Stage 7: everything that is decided. Pure."""
