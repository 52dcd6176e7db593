"""The security officer's console: what was decided, when and why, with the proof that nothing was removed."""
