"""A refusal tells nothing but a reference: not by its text, its size or its time; an officer opens the reference."""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from appliance.cli.main import app
from tests.unit.monitor.gateway import Rig, running

EXISTS, ABSENT, NO_ROUTE = "/labeling/api/projects", "/labeling/missing", "/nothing/here"
ROUNDS = 150


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture(scope="module")
def annotator(rig: Rig) -> Iterator[httpx.Client]:
    with rig.client("annotator") as client:
        yield client


def test_the_officer_opens_the_reference_of_a_refusal(rig: Rig, annotator: httpx.Client) -> None:
    reference = annotator.get(EXISTS).json()["reference"]
    log = str(rig.paths.root / "log")
    shown = CliRunner().invoke(app, ["audit", "show", "--log", log, "--text", reference, "--json"])
    assert shown.exit_code == 0, shown.output
    (line,) = shown.stdout.splitlines()
    event = json.loads(line)["body"]
    assert event["actor"]["user"]["name"] == "annotator"
    assert event["actor"]["authorizations"][0]["policy"]["name"] == "mandatory.clearance-does-not-dominate"


def test_refusals_are_alike_in_everything_but_the_reference(annotator: httpx.Client) -> None:
    answers = [annotator.get(path) for path in (EXISTS, ABSENT, NO_ROUTE)]
    answers.append(annotator.post(EXISTS, json={"name": "x"}))
    seen = set()
    for answer in answers:
        reference = answer.json()["reference"]
        headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
        seen.add((answer.status_code, answer.text.replace(reference, ""), len(answer.content), str(headers)))
    assert len(seen) == 1


def test_the_time_of_a_refusal_does_not_tell_what_exists(annotator: httpx.Client) -> None:
    """The ranks of both kinds mix: with shuffled requests, the chance that one is slower stays near a half."""
    times: dict[str, list[float]] = {EXISTS: [], ABSENT: []}
    order = [EXISTS, ABSENT] * ROUNDS
    random.Random(7).shuffle(order)  # noqa: S311 - an order, no secret
    for path in order:
        began = time.perf_counter()
        annotator.get(path)
        times[path].append(time.perf_counter() - began)
    slower = statistics.mean(one > other for one in times[EXISTS] for other in times[ABSENT])
    assert 0.35 < slower < 0.65, f"existing rows are slower in {slower:.0%} of the pairs"
