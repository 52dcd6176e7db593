"""A red team in a table: who tries what against a running site, what must come of it, and which record must be left."""
