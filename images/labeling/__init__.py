"""The labeling image."""
