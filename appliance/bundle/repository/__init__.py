"""The files of a bundle: hashed, carried once, and described by signed metadata."""
