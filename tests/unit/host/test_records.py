"""Records of a file on their way into an enclave: one marking each, named where they are wrong, never twice."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.enclave.render import BODY_BYTES
from appliance.enclave.site import load_site
from appliance.errors import ApplianceError
from appliance.host.data import exchange, records

SECRET = load_site(Path("site.example.yml")).enclave("secret")
BANNER = "SECRET//REL TO USA, GBR"
MADE = f"import:{'0' * 64}:3"


def task(row: dict[str, Any], banner: str = BANNER) -> dict[str, Any]:
    return records.task(row, banner, SECRET, "tasks.jsonl, line 3", MADE)


@pytest.mark.parametrize(
    ("row", "banner", "reason"),
    [
        ({"prompt": "x", "marking": "TOP SECRET//NOFORN"}, BANNER, "line 3: marking: .* is above enclave secret"),
        ({"data": {"prompt": "x", "marking": "(TS//NF)"}}, BANNER, "line 3: data.marking: .* is above enclave secret"),
        ({"prompt": "x", "marking": "BOGUS"}, BANNER, "line 3: marking: "),
        ({"prompt": "x", "marking": ""}, BANNER, "line 3: marking"),
        ({"prompt": "x", "marking": 5}, BANNER, "line 3: marking is a single value, no marking"),
        ({"data": {"prompt": "x", "marking": ["(U)"]}}, BANNER, "line 3: data.marking is a list, no marking"),
        ({"marking": "(U)", "data": {"marking": "(S//REL TO USA, GBR)"}}, BANNER, "is UNCLASSIFIED, and data.mark"),
        ({"prompt": "x", "marking": BANNER}, "UNCLASSIFIED", "above the file's own UNCLASSIFIED"),
        ({"data": {"prompt": "a\0b"}}, BANNER, r"line 3: data.prompt holds U\+0000"),
        ({"a\0b": 1}, BANNER, r"line 3: .*holds U\+0000"),
    ],
)  # fmt: skip
def test_a_record_that_may_not_pass_is_named_with_its_field(row: dict[str, Any], banner: str, reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason) as refused:
        task(row, banner)
    assert str(refused.value).startswith("tasks.jsonl, line 3: ")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "x"}, {"data": {"prompt": "x"}, "marking": BANNER, "external_id": MADE}),
        ({"prompt": "x", "marking": "(U)"}, {"data": {"prompt": "x"}, "marking": "UNCLASSIFIED", "external_id": MADE}),
        ({"id": 1, "data": {"a": 1}}, {"data": {"a": 1}, "marking": BANNER, "external_id": MADE}),
        ({"a": 1, "external_id": "mine"}, {"data": {"a": 1}, "marking": BANNER, "external_id": "mine"}),
        ({"a": 1, "external_id": f"import:{'f' * 64}:9"}, {"data": {"a": 1}, "marking": BANNER, "external_id": MADE}),
        ({"a": 1, "groups": ["x"]}, {"data": {"a": 1}, "marking": BANNER, "groups": ["x"], "external_id": MADE}),
    ],
)
def test_a_record_goes_in_with_its_own_marking_and_a_name_that_a_second_run_finds(
    row: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert task(row) == expected


PLACES = ["f, line 2", "f, line 5"]


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (422, "body.tasks.1.data: Field required", "f, line 5: data: Field required; nothing was imported"),
        (409, "tasks.0.groups: you do not belong to the group x", "f, line 2: groups: you do not belong to the group"),
        (
            409,
            "external_id: one of them is in the project already",
            "secret: external_id: one of them is in the project",
        ),
        (422, "body.tasks.7.data: strange", "secret: data: strange"),
        (404, "Not Found", "refuses with status 404"),
        (503, "no durable record", "refuses with status 503"),
    ],
)
def test_what_the_service_says_of_a_record_is_said_of_its_place_in_the_file(
    status: int, message: str, said: str
) -> None:
    answer = httpx.Response(status, json={"error": {"message": message, "rule": "r", "remedy": "m"}})
    with pytest.raises(ApplianceError) as refused:
        exchange._added(answer, SECRET, PLACES)
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"error": "text"}', b'{"error": {"message": 1}}'])
def test_an_answer_that_is_not_the_services_is_a_refusal_too(content: bytes) -> None:
    with pytest.raises(ApplianceError, match="status 422"):
        exchange._added(httpx.Response(422, content=content), SECRET, PLACES)


def test_what_does_not_go_in_at_once_is_refused_before_anything_is_sent() -> None:
    tasks = [{"data": {"prompt": "x" * 1000}}] * 10_000
    with pytest.raises(ApplianceError, match="go in at once") as refused:
        exchange._body(Path("f.jsonl"), tasks)
    parts = int(refused.value.remedy.split()[3])
    assert len(json.dumps(tasks[: len(tasks) // parts]).encode()) < BODY_BYTES
    assert json.loads(exchange._body(Path("f.jsonl"), tasks[:2])) == {"tasks": tasks[:2]}
