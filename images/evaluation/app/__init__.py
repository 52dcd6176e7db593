"""Evaluation: jobs that ask the enclave's model, item results that a person certifies, and pages to read them."""
