"""Versions of a data set: what belongs to one, the part that each record is for, and how one differs from another."""
