"""Packs and suites that a site made itself: labelled, checked, versioned."""
