"""What the database keeps; a reader's transaction shows what they may know of."""
