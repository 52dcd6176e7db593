"""The transparency log, its events, review and evidence."""
