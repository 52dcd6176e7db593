"""The transparency log: its files, its one writer, and how anyone verifies it."""
