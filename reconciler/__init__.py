"""A declarative GitOps reconciler for what platform teams publish on Azure."""

__version__ = "0.1.0"
