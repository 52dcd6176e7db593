"""The command line: what its help says, what it refuses, and what it knows."""
