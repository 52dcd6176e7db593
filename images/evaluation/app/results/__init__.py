"""What people read of an evaluation: summary, comparisons, charts, the log in Inspect's format."""
