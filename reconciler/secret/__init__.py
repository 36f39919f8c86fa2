"""Text that must never be printed: its types, and the shapes and names by which it is found."""
