"""A certificate counts for exactly what was evaluated, when a certifier signed it, until it expires."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.service.certificate import (
    EvaluationResults,
    Model,
    Serving,
    certify,
    check,
    read_results,
    verify,
)
from appliance.trust.keys import generate

CERTIFIER = generate("certifier", demo=True)
PEOPLE = {"DEMO-certifier": CERTIFIER.public}


def results(**changes: Any) -> EvaluationResults:
    values: dict[str, Any] = {
        "job": "0" * 32,
        "model": {"name": "smollm2", "sha256": "a" * 64},
        "engine_image": "sha256:" + "b" * 64,
        "parameters": {"slots": 2, "context": 2048, "maximum_tokens": 512},
        "dataset": {"name": "popularity", "sha256": "c" * 64, "samples": 100},
        "metrics": [{"name": "accuracy", "value": 0.5, "standard_error": 0.05, "low": 0.4, "high": 0.6}],
        "policy": "d" * 64,
        "site": "demo",
        "enclave": "secret",
        "label": "S;;GBR,USA",
        "marking": "SECRET//REL TO USA, GBR",
        "evaluator": "analyst",
        "started": "2026-11-22T01:00:00Z",
        "finished": "2026-11-22T01:05:00Z",
        "log_sha256": "e" * 64,
        "tools": {"inspect_ai": "0.3"},
    }
    return EvaluationResults.model_validate(values | changes)


def serving(**changes: Any) -> Serving:
    evaluated = results()
    values: dict[str, Any] = {
        "model": evaluated.model,
        "engine_image": evaluated.engine_image,
        "parameters": evaluated.parameters,
        "policy": evaluated.policy,
        "site": evaluated.site,
        "label": evaluated.label,
    }
    return Serving.model_validate(values | changes)


def test_a_certificate_says_what_was_evaluated_and_who_signed() -> None:
    certificate, signers = verify(certify(results(), CERTIFIER, 30), "c", PEOPLE, "a" * 64)
    assert certificate.evaluation == results()
    assert certificate.expires - certificate.issued == timedelta(days=30)
    assert signers == ("DEMO-certifier",)
    check(certificate, serving(), "c")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": Model(name="smollm2", sha256="f" * 64)}, "model"),
        ({"engine_image": "sha256:" + "f" * 64}, "engine image"),
        ({"parameters": {"slots": 4, "context": 2048, "maximum_tokens": 512}}, "parameters"),
        ({"policy": "f" * 64}, "policy"),
        ({"site": "elsewhere"}, "site"),
        ({"label": "U;;*"}, "enclave label"),
    ],
)
def test_anything_else_that_runs_is_refused_and_named(change: dict[str, Any], named: str) -> None:
    certificate, _ = verify(certify(results(), CERTIFIER, 30), "c", PEOPLE)
    with pytest.raises(ApplianceError, match=f"certifies {named} "):
        check(certificate, serving(**change), "c")


def test_it_counts_neither_before_nor_after_its_dates() -> None:
    certificate, _ = verify(certify(results(), CERTIFIER, 30), "c", PEOPLE)
    for days in (-1, 30, 31):
        with pytest.raises(ApplianceError, match="valid from"):
            check(certificate, serving(), "c", datetime.now(UTC) + timedelta(days=days))


def test_a_stranger_a_flipped_byte_and_another_model_are_refused() -> None:
    with pytest.raises(ApplianceError):
        verify(certify(results(), generate("stranger"), 30), "c", PEOPLE)
    good = certify(results(), CERTIFIER, 30)
    for position in range(0, len(good), 97):
        with pytest.raises(ApplianceError):
            verify(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :], "c", PEOPLE)
    with pytest.raises(ApplianceError, match="other bytes"):
        verify(good, "c", PEOPLE, "f" * 64)


@pytest.mark.parametrize("days", [0, -1, 2000])
def test_a_certificate_lasts_a_sensible_time(days: int) -> None:
    with pytest.raises(ApplianceError, match="--expires"):
        certify(results(), CERTIFIER, days)


def test_results_that_are_incomplete_name_the_field() -> None:
    data = json.loads(results().model_dump_json())
    del data["dataset"]["sha256"]
    with pytest.raises(ApplianceError, match=r"dataset\.sha256"):
        read_results(json.dumps(data).encode(), "results.json")
