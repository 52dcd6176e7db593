"""A certificate counts for exactly what was evaluated, when a certifier signed it, until it expires, for its uses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.contract.certification import standard
from appliance.contract.evaluation import Model, Results, read_results
from appliance.errors import ApplianceError
from appliance.service.certificate import (
    PREDICATE_TYPE,
    Certificate,
    Serving,
    certify,
    check,
    check_results,
    check_use,
    verify,
)
from appliance.trust.keys import PrivateKey, PublicKey, generate
from appliance.trust.statements import sign_statement

CERTIFIER = generate("certifier", demo=True)
PEOPLE = {"DEMO-certifier": CERTIFIER.public}
ISSO, ISSM = generate("isso"), generate("issm")
OFFICERS = {"isso": ISSO.public, "issm": ISSM.public}


def suite(name: str = "smoke", items: int = 12, *, dimension: str = "capability", score: str = "correct",
          values: tuple[float, ...] = (), published: bool = True) -> dict[str, Any]:  # fmt: skip
    """The results of a suite: each item a cluster of its own, right unless ``values`` say otherwise."""
    scored = [*values, *([1.0] * (items - len(values)))]
    return {
        "suite": name,
        "sha256": "c" * 64,
        "dimension": dimension,
        "hold_out": {"published": published, "generation": 1, "commitment": "1" * 64, "root": "2" * 64},
        "items": [{"id": f"{name}-{n}", "cluster": f"{name}-{n}", "scores": {score: v}} for n, v in enumerate(scored)],
    }


def results(**changes: Any) -> Results:
    """Results that reach the lowest tier."""
    values: dict[str, Any] = {
        "version": 2,
        "job": "0" * 32,
        "model": {"name": "smollm2", "sha256": "a" * 64},
        "engine_image": "sha256:" + "b" * 64,
        "parameters": {"slots": 2, "context": 2048, "maximum_tokens": 512},
        "tier": "T0-sandbox",
        "attempt": 1,
        "suites": [suite()],
        "policy": standard().digest,
        "site": "demo",
        "enclave": "secret",
        "label": "S;;GBR,USA",
        "marking": "SECRET//REL TO USA, GBR",
        "evaluator": "analyst",
        "started": "2026-11-22T01:00:00Z",
        "finished": "2026-11-22T01:05:00Z",
        "log_sha256": "e" * 64,
        "tools": {"appliance": "0.1"},
    }
    return Results.model_validate(values | changes)


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


def certified(**changes: Any) -> Certificate:
    return verify(certify(results(**changes), CERTIFIER, 30), "c", PEOPLE, "a" * 64)[0]


def test_a_certificate_says_what_was_evaluated_and_who_signed() -> None:
    certificate, signers = verify(certify(results(), CERTIFIER, 30), "c", PEOPLE, "a" * 64)
    assert certificate.evaluation.results_sha256 == results().sha256
    assert (certificate.tier, certificate.uses) == ("T0-sandbox", ("testing", "exercise"))
    assert certificate.expires - certificate.issued == timedelta(days=30)
    assert signers == ("DEMO-certifier",)
    check(certificate, serving(), "c")
    check_results(certificate, results(), standard(), "c")


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
    with pytest.raises(ApplianceError, match=f"certifies {named} "):
        check(certified(), serving(**change), "c")


def test_it_counts_neither_before_nor_after_its_dates() -> None:
    certificate = certified()
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


@pytest.mark.parametrize("days", [0, -1, 91, 2000])
def test_a_certificate_lasts_no_longer_than_its_tier_allows(days: int) -> None:
    with pytest.raises(ApplianceError, match="--expires"):
        certify(results(), CERTIFIER, days)
    assert verify(certify(results(), CERTIFIER), "c", PEOPLE)[0].expires > datetime.now(UTC) + timedelta(days=89)


def test_the_evaluator_cannot_sign_their_own_results() -> None:
    with pytest.raises(ApplianceError, match="certifier evaluated the model"):
        certify(results(evaluator="certifier"), CERTIFIER)


def signed_for(demanded: dict[str, int], *keys: PrivateKey) -> bytes:
    """A certificate whose tier demands so many people, signed by ``keys``."""
    predicate = certified().model_dump(mode="json") | {"tier": "T2-operational", "signers": demanded}
    return sign_statement({"smollm2.gguf": "a" * 64}, PREDICATE_TYPE, predicate, keys)


@pytest.mark.parametrize(
    ("demanded", "keys", "enough"),
    [
        ({"certifier": 1, "officer": 1}, [CERTIFIER, ISSO], True),
        ({"certifier": 1, "officer": 1}, [CERTIFIER, ISSO, ISSM], True),
        ({"certifier": 1, "officer": 1}, [CERTIFIER], False),
        ({"certifier": 1, "officer": 1}, [ISSO, ISSM], False),
        ({"certifier": 1, "officer": 2}, [CERTIFIER, ISSO], False),
        ({"certifier": 1, "officer": 2}, [CERTIFIER, ISSO, ISSM], True),
        ({"certifier": 2, "officer": 2}, [CERTIFIER, ISSO, ISSM], False),
        ({"certifier": 1}, [ISSO], False),
    ],
)
def test_as_many_certifiers_and_officers_sign_as_the_tier_demands(
    demanded: dict[str, int], keys: list[PrivateKey], enough: bool
) -> None:
    data = signed_for(demanded, *keys)
    if enough:
        assert len(verify(data, "c", PEOPLE, officers=OFFICERS)[1]) == len(keys)
        with pytest.raises(ApplianceError, match="no known person"):
            verify(data, "c", PEOPLE)
        return
    with pytest.raises(ApplianceError, match="T2-operational demands"):
        verify(data, "c", PEOPLE, officers=OFFICERS)


@pytest.mark.parametrize("twice", [{"isso": CERTIFIER.public}, {"DEMO-certifier": ISSO.public}])
def test_one_person_counts_once_however_they_are_registered(twice: dict[str, PublicKey]) -> None:
    """A certifier who is an officer too, by key or by name, does not sign for both."""
    data = signed_for({"certifier": 1, "officer": 1}, CERTIFIER)
    with pytest.raises(ApplianceError, match="demands"):
        verify(data, "c", PEOPLE, officers=twice)


def test_who_must_sign_follows_from_the_tier_and_is_nobody_s_choice() -> None:
    certificate = certified()
    assert certificate.signers == {"certifier": 1}
    lighter = certificate.model_copy(update={"signers": {"certifier": 0}})
    with pytest.raises(ApplianceError, match="signers do not follow"):
        check_results(lighter, results(), standard(), "c")


def test_a_use_that_the_tier_does_not_have_is_refused_and_an_exercise_needs_a_demo_site() -> None:
    certificate = certified()
    check_use(certificate, "exercise", "c", demo=True)
    with pytest.raises(ApplianceError, match="no DEMO site"):
        check_use(certificate, "exercise", "c", demo=False)
    with pytest.raises(ApplianceError, match=r"T0-sandbox is for testing, exercise; this enclave .* for analysis"):
        check_use(certificate, "analysis", "c", demo=True)


def test_other_item_results_than_those_that_were_certified_are_refused() -> None:
    better = results(suites=[suite(items=13)])
    with pytest.raises(ApplianceError, match="rests on the results"):
        check_results(certified(), better, standard(), "c")


@pytest.mark.parametrize(
    ("field", "value"),
    [("uses", ["testing", "exercise", "analysis"]), ("alpha", 0.001), ("bounds", [
        {"measure": "security.leak", "estimate": 0, "bound": 0.001, "limit": 0.05, "n": 9999, "clusters": 9999,
         "estimator": "clopper-pearson"}])],
)  # fmt: skip
def test_a_certifiers_certificate_that_does_not_follow_from_its_items_is_refused(field: str, value: object) -> None:
    """Signed by a certifier whose machine was taken over: the host computes it again."""
    forged = certified().model_dump(mode="json") | {field: value}
    data = sign_statement({"smollm2.gguf": "a" * 64}, PREDICATE_TYPE, forged, [CERTIFIER])
    certificate, _ = verify(data, "c", PEOPLE)
    with pytest.raises(ApplianceError, match=f"{field} do not follow from the item results"):
        check_results(certificate, results(), standard(), "c")


def test_results_that_are_incomplete_name_the_field() -> None:
    data = json.loads(results().model_dump_json())
    del data["suites"][0]["items"][0]["cluster"]
    with pytest.raises(ApplianceError, match=r"suites\.0\.items\.0\.cluster"):
        read_results(json.dumps(data).encode(), "results.json")


def test_an_item_that_counts_twice_and_an_old_document_of_bare_metrics_are_refused() -> None:
    data = json.loads(results().model_dump_json())
    data["suites"][0]["items"].append(data["suites"][0]["items"][0])
    with pytest.raises(ApplianceError, match="an item counts twice"):
        read_results(json.dumps(data).encode(), "results.json")
    bare = {"job": "0" * 32, "metrics": [{"name": "accuracy", "value": 0.999}], "evaluator": "eve"}
    with pytest.raises(ApplianceError, match=r"results\.json: version"):
        read_results(json.dumps(bare).encode(), "results.json")
