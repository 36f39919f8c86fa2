"""Stages 5 and 6: two bodies to their differences. Pure."""
