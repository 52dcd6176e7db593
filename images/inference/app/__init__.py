"""Inference: an OpenAI-compatible interface over one llama.cpp process, for certified models only."""

import os

# The engine's threads meet after every operation. Spinning there, they wait for each other's time slices as soon as
# another process wants a core: measured on two cores with one busy neighbour, 9.8 s a request against 0.7 s to 1.4 s
# when they sleep. OpenMP reads this when the engine's library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
