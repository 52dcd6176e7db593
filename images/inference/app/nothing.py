"""Values in a request of the OpenAI interface that ask nothing, and what is refused where they ask something.

Clients send more than they want: null for what they leave out, defaults, and the message objects that they were
answered. Such a value changes nothing in the answer, so it is accepted and left out. A value that asks for what this
service does not do is refused by name, because to leave it out would answer another question.
Fields and defaults are those of the OpenAI API reference (chat, completions, responses) at openai-python 2.
"""

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

NOTHING: dict[str, tuple[Any, ...]] = {
    "annotations": ([],),
    "background": (False,),
    "best_of": (1,),
    "echo": (False,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "include": ([],),
    "logit_bias": ({},),
    "metadata": ({},),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "refusal": ("",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "tool_calls": ([],),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "truncation": ("disabled",),
}
"""Values of a field that ask nothing. Null asks nothing in any field."""

HINTS = frozenset({"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "user"})
"""Whom the request is for and how it may be cached: here the gateway knows who asks, and nothing is cached."""

REASONS = {
    "audio": "the models here write text alone",
    "background": "an answer is made while its asker waits",
    "best_of": "as many answers are returned as are made: use n",
    "conversation": "no conversation is kept: send all its messages",
    "echo": "the answer does not repeat the prompt",
    "function_call": "the models here call no tools",
    "functions": "the models here call no tools",
    "include": "nothing beside the answer is made",
    "logit_bias": "no token is favoured",
    "metadata": "nothing of a request is kept that could be found by it",
    "modalities": "the models here write text alone",
    "moderation": "no second model reads along",
    "prediction": "no prediction of the answer is used",
    "previous_response_id": "no conversation is kept: send all its messages",
    "prompt": "no prompt is kept on the server: send its text",
    "reasoning": "the models here do not reason apart from their answer",
    "reasoning_effort": "the models here do not reason apart from their answer",
    "refusal": "a message has text as its content",
    "service_tier": "there is one tier: auto",
    "store": "no answer is kept on the server",
    "suffix": "a text is continued at its end alone",
    "tool_calls": "the models here call no tools",
    "tool_choice": "the models here call no tools",
    "tools": "the models here call no tools",
    "truncation": "a prompt that is too long is refused, not cut",
    "verbosity": "say in the prompt how long the answer should be",
    "web_search_options": "nothing here reaches the web",
}
"""Why a field that asks something is refused."""


def without_nothing(given: Any, known: Mapping[str, Any]) -> Any:
    """``given`` without the fields that ask nothing.

    Args:
        given: a JSON object as a client sent it; anything else is returned for the model to refuse.
        known: the fields that are understood; of these null alone asks nothing.

    Raises:
        PydanticCustomError: a field asks for what this service does not do; names it.
    """
    if not isinstance(given, dict):
        return given
    kept = {}
    for name, value in given.items():
        if value is None or name in HINTS or (name not in known and _asks_nothing(name, value)):
            continue
        if name in REASONS and name not in known:
            detail = {"name": name, "reason": REASONS[name]}
            raise PydanticCustomError("not_done", "{name}: {reason}; leave it out", detail)
        kept[name] = value
    return kept


def _asks_nothing(name: str, value: Any) -> bool:
    return any(type(value) is type(nothing) and value == nothing for nothing in NOTHING.get(name, ()))
