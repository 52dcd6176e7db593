"""Inference: an OpenAI-compatible interface over one llama.cpp process, for certified models only."""
