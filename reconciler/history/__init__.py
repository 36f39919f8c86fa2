"""The manifests in git, as they are and as they were."""
