"""Changing what runs: installing, converging, rolling back, removing."""
