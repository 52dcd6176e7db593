"""What the virtual machines are made of, with the engine."""
