"""A bundle on discs, and what a bare host begins with."""
