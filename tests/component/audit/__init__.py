"""The printed anchor, as a browser prints it."""
