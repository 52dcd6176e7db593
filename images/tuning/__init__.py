"""The tuning service."""
