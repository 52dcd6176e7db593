"""The decision image."""
