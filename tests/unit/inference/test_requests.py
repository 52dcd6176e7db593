"""What clients of the OpenAI interface send: what asks nothing is accepted, what is not done is refused by name."""

from typing import Any

import pytest
from pydantic import ValidationError

from images.inference.app.requests import ChatRequest, CompletionRequest, ResponseRequest

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
COMPLETION = {"model": "m", "prompt": "Hello"}
RESPONSE = {"model": "m", "input": "Hello"}
ANSWERED: dict[str, Any] = {
    "role": "assistant",
    "content": "Hello! How can I help?",
    "refusal": None,
    "annotations": [],
    "audio": None,
    "function_call": None,
    "tool_calls": None,
}
"""``message.model_dump()`` of the Python client."""


@pytest.mark.parametrize(
    "nothing",
    [
        {"stream": None},
        {"n": None},
        {"n": 1},
        {"stop": None},
        {"tools": None},
        {"tools": []},
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tool_choice": "none"},
        {"functions": [], "function_call": "none"},
        {"store": False},
        {"store": None},
        {"metadata": None},
        {"metadata": {}},
        {"service_tier": "auto"},
        {"service_tier": "default"},
        {"logit_bias": {}},
        {"logit_bias": None},
        {"modalities": ["text"]},
        {"audio": None},
        {"prediction": None},
        {"reasoning_effort": None},
        {"web_search_options": None},
        {"user": "somebody"},
        {"safety_identifier": "somebody"},
        {"prompt_cache_key": "a"},
        {"response_format": None},
        {"logprobs": None, "top_logprobs": None},
        {"stream_options": None},
        {"max_tokens": None, "max_completion_tokens": None},
        {"frequency_penalty": None, "presence_penalty": None, "temperature": None, "top_p": None, "seed": None},
    ],
)
def test_what_asks_nothing_changes_nothing(nothing: dict[str, Any]) -> None:
    plain = ChatRequest.model_validate(CHAT).for_engine()
    asked = ChatRequest.model_validate(CHAT | nothing).for_engine()
    assert {name: value for name, value in asked.items() if name != "n"} == plain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("store", True),
        ("metadata", {"a": "b"}),
        ("service_tier", "flex"),
        ("logit_bias", {"11": -100}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("prediction", {"type": "content", "content": "a"}),
        ("reasoning_effort", "high"),
        ("verbosity", "low"),
        ("web_search_options", {}),
        ("n", 0),
        ("n", 65),
        ("max_tokens", 0),
        ("temperature", 3),
        ("stream_options", {"include_obfuscation": True}),
        ("cache_prompt", True),
        ("id_slot", 0),
        ("lora", [{"id": 0, "scale": 1}]),
        ("grammar", "root ::= [a-z]"),
    ],
)
def test_what_is_not_done_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        ChatRequest.model_validate(CHAT | {name: value})
    first = refused.value.errors()[0]
    assert name in [*first["loc"], first["msg"].partition(":")[0]]


def test_a_false_is_no_zero_and_a_one_is_no_true() -> None:
    for wrong in ({"best_of": True}, {"store": 0}, {"echo": 0}):
        with pytest.raises(ValidationError):
            CompletionRequest.model_validate(COMPLETION | wrong)


def test_an_answer_may_be_sent_back_as_it_came() -> None:
    messages = [*CHAT["messages"], ANSWERED, {"role": "user", "content": [{"type": "text", "text": "And now?"}]}]
    request = ChatRequest.model_validate(CHAT | {"messages": messages})
    assert request.for_engine()["messages"][1] == {"role": "assistant", "content": ANSWERED["content"]}
    assert request.asked() == "And now?"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"tool_calls": [{"id": "1"}]}, "tool_calls"),
        ({"content": None}, "content"),
        ({"refusal": "no"}, "refusal"),
        ({"role": "tool"}, "role"),
        ({"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}, "content"),
    ]
    for wrong, word in refused:
        with pytest.raises(ValidationError, match=word):
            ChatRequest.model_validate(CHAT | {"messages": [ANSWERED | wrong]})


def test_more_messages_than_fit_anywhere_are_refused_before_the_engine_lays_them_out() -> None:
    many = [{"role": "user", "content": "a"}] * 10_000
    with pytest.raises(ValidationError, match=r"messages\n.*at most 512"):
        ChatRequest.model_validate(CHAT | {"messages": many})
    with pytest.raises(ValidationError, match="at most 512"):
        ResponseRequest.model_validate(RESPONSE | {"input": many})


def test_prompts_are_one_or_several_texts() -> None:
    assert CompletionRequest.model_validate(COMPLETION | {"prompt": ["a", "b"]}).asked() == "a\nb"
    nothing = {"best_of": 1, "echo": False, "suffix": None, "logprobs": False}
    assert CompletionRequest.model_validate(COMPLETION | nothing).for_engine()["prompt"] == "Hello"
    wrongs: list[dict[str, Any]] = [{"prompt": []}, {"prompt": ""}, {"prompt": [1, 2]}]
    for wrong in [*wrongs, {"best_of": 2}, {"echo": True}, {"suffix": "x"}]:
        with pytest.raises(ValidationError):
            CompletionRequest.model_validate(COMPLETION | wrong)
    with pytest.raises(ValidationError, match="logprobs: a stream of completions has none"):
        CompletionRequest.model_validate(COMPLETION | {"stream": True, "logprobs": 2})


def test_a_response_is_asked_by_text_or_by_items_and_keeps_nothing() -> None:
    nothing = {"store": False, "tools": [], "include": [], "truncation": "disabled", "previous_response_id": None}
    assert ResponseRequest.model_validate(RESPONSE | nothing).for_engine()["input"] == "Hello"
    part = {"type": "output_text", "text": "Hello!", "annotations": [], "logprobs": []}
    item = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [part]}
    asked = ResponseRequest.model_validate(RESPONSE | {"input": [{"role": "user", "content": "Hi"}, item]})
    assert [one["role"] for one in asked.for_engine()["input"]] == ["user", "assistant"]
    assert asked.asked() == "Hello!"
    for name, value in (
        ("store", True),
        ("previous_response_id", "resp_1"),
        ("background", True),
        ("conversation", "conv_1"),
        ("tools", [{"type": "web_search"}]),
        ("reasoning", {"effort": "low"}),
    ):
        with pytest.raises(ValidationError, match=name):
            ResponseRequest.model_validate(RESPONSE | {name: value})
