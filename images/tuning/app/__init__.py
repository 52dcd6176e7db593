"""Tuning: from a version of labeled data to an adapter, the registry of adapters, and their lineage."""
