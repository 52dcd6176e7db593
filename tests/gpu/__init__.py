"""What the way to the model is worth on an accelerator: kernel alone, engine over HTTP, our service before it."""
