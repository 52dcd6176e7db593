"""Reading an uploaded file, in a process of its own that can open nothing."""
