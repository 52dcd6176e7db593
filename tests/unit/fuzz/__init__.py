"""Fuzzers of everything that reads what others wrote, with a corpus that is kept."""
