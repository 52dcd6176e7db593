"""What the commands share: their classes, options, inputs and checks."""
