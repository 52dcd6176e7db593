"""Benchmarks: each module measures some figures that have a goal; `docs/benchmarks.md` explains them."""
