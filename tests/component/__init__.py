"""Tests of one part with what it really stands on: PostgreSQL, a browser, the model."""
