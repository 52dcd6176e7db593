"""Preflight, installation, generations and roll-back of a host."""
