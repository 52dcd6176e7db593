"""The inference service with the real model."""
