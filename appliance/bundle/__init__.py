"""Plan, collect, attest, write, read, compare and split bundles."""
