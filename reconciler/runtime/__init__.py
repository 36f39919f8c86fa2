"""A process: its connections, signals and streams."""
