"""Comparing what runs with what was admitted, and alarming."""
