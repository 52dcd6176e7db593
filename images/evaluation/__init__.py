"""The evaluation image."""
