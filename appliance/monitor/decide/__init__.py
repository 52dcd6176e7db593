"""Decisions without I/O: who asks, what is in force, and what follows."""
