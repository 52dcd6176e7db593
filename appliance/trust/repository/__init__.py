"""The TUF repository of a bundle: metadata, its chain of roots, its client, its ceremonies."""
