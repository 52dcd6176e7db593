"""Answers in the form that clients of the OpenAI interface expect, where the engine's is another."""

from itertools import accumulate
from typing import Any

from .requests import ChatRequest, CompletionRequest, ResponseRequest


def shaped(asked: ChatRequest | CompletionRequest | ResponseRequest, answer: dict[str, Any]) -> dict[str, Any]:
    """The engine's whole ``answer`` to ``asked``."""
    choices = answer.get("choices", [])
    if isinstance(asked, CompletionRequest) and asked.logprobs is not None:
        for choice in choices:
            choice["logprobs"] = legacy_logprobs((choice.get("logprobs") or {}).get("content") or [])
    if len(choices) > 1:
        answer.pop("usage", None)  # the engine counts the first answer alone
    return answer


def legacy_logprobs(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Log probabilities as ``/v1/completions`` has them (OpenAI API reference, completion object, ``logprobs``)."""
    tokens = [one["token"] for one in content]
    return {
        "tokens": tokens,
        "token_logprobs": [one["logprob"] for one in content],
        "top_logprobs": [{top["token"]: top["logprob"] for top in one.get("top_logprobs", [])} for one in content],
        "text_offset": list(accumulate(map(len, tokens), initial=0))[:-1],
    }
