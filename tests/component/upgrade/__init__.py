"""Upgrades of what earlier releases left."""
