"""A resource type as data: its schema and annotations, compiled."""
