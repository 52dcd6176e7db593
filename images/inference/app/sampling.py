"""By which steps a token is chosen, where the engine's own chain is cut short."""

from collections.abc import Mapping, Sequence
from typing import Any

ORDER = ("penalties", "top_k", "top_p", "temperature")
"""As llama.cpp applies them."""
ASKED = {"frequency_penalty": "penalties", "presence_penalty": "penalties", "top_p": "top_p"}
"""What a field of a request needs beside the steps that are always taken."""


def steps(given: Mapping[str, Any], chosen: Sequence[str]) -> dict[str, list[str]]:
    """The field that tells the engine what to do for one request, or nothing where its own chain does.

    The likeliest token stays the likeliest whatever was cut away before, so a temperature of zero needs no cut.

    Args:
        given: the request as the engine gets it.
        chosen: the steps that the engine takes by itself; empty for its whole chain.
    """
    if not chosen:
        return {}
    wanted = {*chosen, *(step for field, step in ASKED.items() if given.get(field))}
    if given.get("temperature") == 0:
        wanted -= {"top_k", "top_p"}
    return {} if wanted == set(chosen) else {"samplers": [step for step in ORDER if step in wanted]}
