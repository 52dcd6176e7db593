"""The container images, one folder each."""
