"""What stands around the pipeline: options, sign-in choices, signals, progress, files that are written."""
