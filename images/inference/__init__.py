"""The inference image."""
