"""What officers signed, as this host reads and accepts it."""
