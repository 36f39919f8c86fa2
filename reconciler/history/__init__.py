"""What git says of the manifests: as they are, and as they were."""
