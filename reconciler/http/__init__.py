"""The HTTP seam, for any service."""
