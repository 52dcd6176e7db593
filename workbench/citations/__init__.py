"""Passages of marked documents, what is claimed from them, and products composed of claims: each with its marking."""
