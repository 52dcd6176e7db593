"""Evaluation: jobs that run Inspect AI against the enclave's model, and the results that a person certifies."""
