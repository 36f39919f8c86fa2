"""Stages 1 to 3: files to documents, manifests and desired resources."""
