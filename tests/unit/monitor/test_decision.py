"""Stage one cannot be talked round; stage two only narrows."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.markings import Clearance, Label, can_read, join, parse
from appliance.monitor.decision import Person, Request, Workload, decide, plain
from appliance.monitor.policy import AccessPolicy, parse_policy

POLICY = parse_policy(yaml.safe_load(Path("policies/access.yml").read_text()))
LOW = parse("UNCLASSIFIED").label
HIGH = parse("SECRET//REL TO USA, GBR").label
ANALYST = Clearance(level="S", need=frozenset(), nationalities=frozenset({"USA"}))
ANNOTATOR = Clearance(level="U", need=frozenset(), nationalities=frozenset({"USA"}))
OUTSIDER = Clearance(level="S", need=frozenset(), nationalities=frozenset({"FRA"}))


def person(clearance: Clearance, working: Label | None, *roles: str) -> Person:
    return Person(clearance, roles or ("analyst",), working)


def request(label: Label, method: str = "GET", path: str = "/labeling/api/projects", query: str = "") -> Request:
    return Request(method, path, query, label)


@pytest.mark.parametrize(
    ("who", "asked", "status", "rule"),
    [
        (person(ANALYST, HIGH), request(HIGH), 200, "access.permitted"),
        (person(ANALYST, HIGH), request(HIGH, "POST"), 200, "access.permitted"),
        (person(ANALYST, HIGH), request(LOW), 200, "access.permitted-read-down"),
        (person(ANALYST, HIGH), request(LOW, "POST"), 403, "mandatory.no-write-down"),
        (person(ANALYST, HIGH), request(LOW, query="q=secret"), 403, "mandatory.no-write-down"),
        (
            person(ANALYST, HIGH),
            request(LOW, "POST", "/inference/v1/chat/completions"),
            403,
            "mandatory.no-write-down",
        ),
        (person(ANALYST, HIGH), request(LOW, path="/inference/v1/models"), 403, "mandatory.no-write-down"),
        (person(ANALYST, LOW), request(HIGH), 403, "mandatory.no-read-up-from-working-level"),
        (person(ANNOTATOR, LOW), request(HIGH), 403, "mandatory.clearance-does-not-dominate"),
        (person(OUTSIDER, HIGH), request(HIGH), 403, "mandatory.clearance-does-not-dominate"),
        (person(ANALYST, None), request(HIGH), 401, "session.none"),
        (person(ANNOTATOR, None), request(HIGH), 403, "mandatory.clearance-does-not-dominate"),
        (person(ANALYST, HIGH, "officer"), request(HIGH), 403, "access.role"),
        (person(ANALYST, HIGH), request(HIGH, path="/secrets"), 403, "access.no-route"),
        (
            Workload("evaluation", HIGH, "job"),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            200,
            "access.permitted-workload",
        ),
        (
            Workload("evaluation", HIGH, None),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "workload.no-grant",
        ),
        (
            Workload("evaluation", LOW, "job"),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "mandatory.workload-of-another-enclave",
        ),
        (Workload("labeling", HIGH, "job"), request(HIGH, "POST", "/inference/v1/x"), 403, "access.workload"),
    ],
)
def test_table_of_decisions(who: Person | Workload, asked: Request, status: int, rule: str) -> None:
    decision = decide(asked, who, POLICY)
    assert (decision.status, decision.rule) == (status, rule)
    assert decision.allow == (status == 200)


@pytest.mark.parametrize(
    "path", ["/labeling/../console/x", "/labeling//api", "/labeling/%2e%2e/x", "/labeling/a\\b", "labeling", "/a/.."]
)
def test_paths_that_read_differently_to_others_are_refused(path: str) -> None:
    assert not plain(path) or path.endswith("/..")
    assert decide(request(HIGH, path=path), person(ANALYST, HIGH), POLICY).rule == "path.not-plain"


labels = st.builds(
    Label,
    level=st.sampled_from(["U", "CUI", "C", "S", "TS"]),
    need=st.frozensets(st.sampled_from(["SI", "TK"])),
    rel=st.one_of(st.none(), st.frozensets(st.sampled_from(["USA", "GBR", "CAN"]), min_size=1)),
)
clearances = st.builds(
    Clearance,
    level=st.sampled_from(["U", "CUI", "C", "S", "TS"]),
    need=st.frozensets(st.sampled_from(["SI", "TK"])),
    nationalities=st.frozensets(st.sampled_from(["USA", "GBR", "FRA"]), min_size=1),
)


@given(clearances, st.one_of(st.none(), labels), labels, st.sampled_from(["GET", "POST", "DELETE"]))
def test_whatever_is_allowed_is_dominated_and_never_writes_down(
    clearance: Clearance, working: Label | None, label: Label, method: str
) -> None:
    decision = decide(request(label, method), Person(clearance, ("analyst",), working), POLICY)
    if decision.allow:
        assert can_read(clearance, label)
        assert working is not None
        assert join(working, label) == working, "nothing above the working level is read"
        assert method == "GET" or working == label, "nothing is written to another label"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"roles": {}}, "empty policy"),
        ({"roles": {"analyst": {"labeling": ["fly"]}}}, "no route has that action"),
        ({"roles": {"wizard": {"labeling": ["read"]}}}, "roles.wizard"),
        (
            {"routes": {"labeling": [{"path": "/x", "methods": ["POST"], "action": "read", "read_down": True}]}},
            "read_down",
        ),
        ({"anything": 1}, "anything"),
    ],
)
def test_empty_and_contradictory_policies_are_refused_by_name(change: dict[str, object], text: str) -> None:
    data = yaml.safe_load(Path("policies/access.yml").read_text()) | change
    with pytest.raises(ApplianceError, match=text):
        parse_policy(data)


def test_a_policy_permits_nothing_that_it_does_not_name() -> None:
    policy = AccessPolicy.model_validate(POLICY.model_dump())
    assert not policy.permits(("annotator",), "labeling", "export")
    assert policy.permits(("analyst",), "labeling", "export")
