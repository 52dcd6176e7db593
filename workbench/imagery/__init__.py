"""Imagery: what a file is and how it is marked, read from its headers alone; no pixel is decoded here."""
