"""Headers of imagery."""
