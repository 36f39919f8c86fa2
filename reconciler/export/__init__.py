"""Manifests for what exists."""
