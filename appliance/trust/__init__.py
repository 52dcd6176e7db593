"""Keys, signatures, the TUF repository and its client, attestations."""
