"""Stage one cannot be talked round; stage two only narrows."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.grant import Grant
from appliance.errors import ApplianceError
from appliance.markings import Clearance, Label, can_read, join, parse
from appliance.monitor.decide.decision import GatewayRequest, Person, Workload, decide, plain
from appliance.monitor.decide.policy import AccessPolicy, parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.monitor.in_force.statements import check_agreement

POLICY = parse_policy(yaml.safe_load(Path("policies/access.yml").read_text()))
UPGRADES = "/labeling/api/projects/3f2a/upgrades"
DAY = date(2026, 6, 1)
LOW = parse("UNCLASSIFIED").label
HIGH = parse("SECRET//REL TO USA, GBR").label
ANALYST = Clearance(level="S", need=frozenset(), nationalities=frozenset({"USA"}))
ANNOTATOR = Clearance(level="U", need=frozenset(), nationalities=frozenset({"USA"}))
OUTSIDER = Clearance(level="S", need=frozenset(), nationalities=frozenset({"FRA"}))


def person(clearance: Clearance, working: Label | None, *roles: str) -> Person:
    return Person("ann", clearance, roles or ("analyst",), (), working)


def job(service: str, label: Label, who: Person | None, /, **changes: object) -> Workload:
    """A workload of ``service`` with the grant of a job that ``who`` started."""
    values = {"job": "1", "service": service, "enclave": "secret", "model": "m", "purpose": "evaluation"}
    rest = {"subject": "ann", "label": label.encode(), "calls": 1, "expires": 1}
    return Workload(service, label, who, Grant.model_validate(values | rest | changes) if who else None)


def request(label: Label, method: str = "GET", path: str = "/labeling/api/projects", query: str = "") -> GatewayRequest:
    return GatewayRequest(method, path, query, label, (), DAY, ("m",))


@pytest.mark.parametrize(
    ("who", "asked", "status", "rule"),
    [
        (person(ANALYST, HIGH), request(HIGH), 200, "access.permitted"),
        (person(ANALYST, HIGH), request(HIGH, "POST"), 200, "access.permitted"),
        (person(ANALYST, HIGH), request(LOW), 200, "access.permitted-read-down"),
        (person(ANALYST, HIGH), request(LOW, "POST"), 403, "mandatory.no-write-down"),
        (person(ANALYST, HIGH), request(HIGH, "POST", UPGRADES), 200, "access.permitted"),
        (person(ANALYST, HIGH), request(LOW, "POST", UPGRADES), 403, "mandatory.no-write-down"),
        (person(ANALYST, LOW), request(HIGH, "POST", UPGRADES), 403, "mandatory.no-read-up-from-working-level"),
        (person(ANALYST, HIGH, "annotator"), request(HIGH, "POST", UPGRADES), 403, "access.role"),
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
            job("evaluation", HIGH, person(ANALYST, HIGH, "evaluator")),
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
            job("evaluation", HIGH, person(ANALYST, HIGH)),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "workload.job-no-more-permitted",
        ),
        (
            job("evaluation", HIGH, person(ANALYST, HIGH, "evaluator"), groups=("falcon",)),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "workload.job-no-more-permitted",
        ),
        (
            job("evaluation", HIGH, person(ANALYST, HIGH, "evaluator"), model="another"),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "workload.grant-of-another",
        ),
        (
            job("evaluation", HIGH, person(ANALYST, HIGH, "evaluator"), label=LOW.encode()),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "workload.grant-of-another",
        ),
        (
            job("evaluation", HIGH, person(OUTSIDER, HIGH, "evaluator")),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "mandatory.clearance-does-not-dominate",
        ),
        (
            job("evaluation", LOW, person(ANALYST, LOW, "evaluator")),
            request(HIGH, "POST", "/inference/v1/chat/completions"),
            403,
            "mandatory.workload-of-another-enclave",
        ),
        (
            job("evaluation", HIGH, person(ANALYST, HIGH, "evaluator")),
            request(HIGH, "POST", "/labeling/api/projects"),
            403,
            "access.workload",
        ),
        (
            job("labeling", HIGH, person(ANALYST, HIGH, "evaluator")),
            request(HIGH, "POST", "/inference/v1/x"),
            403,
            "workload.job-no-more-permitted",
        ),
    ],
)
def test_table_of_decisions(who: Person | Workload, asked: GatewayRequest, status: int, rule: str) -> None:
    decision = decide(asked, who, POLICY)
    assert (decision.status, decision.rule) == (status, rule)
    assert decision.allow == (status == 200)


@pytest.mark.parametrize(
    "path", ["/labeling/../console/x", "/labeling//api", "/labeling/%2e%2e/x", "/labeling/a\\b", "labeling", "/a/.."]
)
def test_paths_that_read_differently_to_others_are_refused(path: str) -> None:
    assert not plain(path) or path.endswith("/..")
    assert decide(request(HIGH, path=path), person(ANALYST, HIGH), POLICY).rule == "path.not-plain"


UUID = "3f2a0000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("path", "reads"),
    [
        ("/labeling/", True),
        (f"/labeling/projects/{UUID}", True),
        (f"/labeling/api/projects/{UUID}/tasks/after/{UUID}", True),
        (f"/labeling/api/projects/{UUID}/tasks", True),
        (f"/labeling/api/projects/{UUID.upper()}/tasks", False),
        (f"/labeling/api/projects/{UUID}/tasks/after/12", False),
        (f"/labeling/api/projects/{UUID}/tasks/{UUID}", False),
        (f"/labeling/api/projects/{UUID}x", False),
        ("/labeling/api/projects/attack-at-dawn", False),
        (f"/labeling/api/tasks/{UUID}", False),
        ("/labeling/static/appliance.css", False),
    ],
)
def test_only_typed_paths_are_read_from_above(path: str, reads: bool) -> None:
    decision = decide(request(LOW, path=path), person(ANALYST, HIGH), POLICY)
    assert decision.rule == ("access.permitted-read-down" if reads else "mandatory.no-write-down")
    assert decide(request(LOW, path=path, query="?"), person(ANALYST, HIGH), POLICY).rule == "mandatory.no-write-down"


def test_rules_that_were_signed_with_free_text_still_hold_and_open_nothing_below() -> None:
    data = yaml.safe_load(Path("policies/access.yml").read_text())
    data["routes"]["labeling"] = (
        [{"path": "/labeling/**", "methods": ["GET"], "action": action, "read_down": True} for action in ("read",)]
        + [{"path": "/labeling/**", "methods": ["POST"], "action": action} for action in ("write",)]
        + [
            {"path": f"/labeling/{action}", "methods": ["GET"], "action": action}
            for action in ("export", "upgrade", "review", "job")
        ]
    )
    policy = parse_policy(data)
    assert decide(request(LOW), person(ANALYST, HIGH), policy).rule == "mandatory.no-write-down"
    assert decide(request(HIGH), person(ANALYST, HIGH), policy).rule == "access.permitted"


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
    decision = decide(request(label, method), person(clearance, working), POLICY)
    if decision.allow:
        assert can_read(clearance, label)
        assert working is not None
        assert join(working, label) == working, "nothing above the working level is read"
        assert method == "GET" or working == label, "nothing is written to another label"


Obligations = tuple[str, ...]
FALCON = "/labeling/api/export/falcon"
ROUTE = {"path": "/labeling/x", "methods": ["GET"], "action": "read"}
WORD = {
    "reference": "2026-114",
    "originator": "J2",
    "path": "/labeling/api/export/*",
    "recipients": ["ann"],
    "expires": "2026-06-01",
}


def narrowed(**route: object) -> AccessPolicy:
    """The policy with one more export route before the others, and one recorded decision of an originator."""
    data = yaml.safe_load(Path("policies/access.yml").read_text())
    first = {"path": FALCON, "methods": ["GET"], "action": "export"} | route
    data["routes"]["labeling"].insert(0, first)
    return parse_policy(data | {"originator_decisions": [WORD]})


def exporting(
    name: str,
    *groups: str,
    policy: AccessPolicy,
    path: str = FALCON,
    day: date = DAY,
    obligations: tuple[str, ...] = (),
) -> str:
    """The rule that decides an export."""
    asked = GatewayRequest("GET", path, "", HIGH, obligations, day)
    return decide(asked, Person(name, ANALYST, ("analyst",), groups, HIGH), policy).rule


def test_need_to_know_narrows_what_the_role_permits() -> None:
    policy = narrowed(group="falcon")
    assert exporting("bob", policy=policy) == "access.need-to-know"
    assert exporting("bob", "heron", policy=policy) == "access.need-to-know"
    assert exporting("bob", "falcon", policy=policy) == "access.permitted"
    work = job("evaluation", HIGH, Person("bob", ANALYST, ("evaluator",), (), HIGH))
    data = yaml.safe_load(Path("policies/access.yml").read_text())
    data["routes"]["inference"] = [
        {"path": "/inference/v1/**", "methods": ["POST", "GET"], "action": action, "group": "falcon"}
        for action in ("run", "read")
    ]
    data["routes"]["inference"][1]["path"] = "/inference/v2/**"
    asked = request(HIGH, "POST", "/inference/v1/chat")
    assert decide(asked, work, parse_policy(data)).rule == "access.need-to-know"


@pytest.mark.parametrize("how", ["route", "marking"])
def test_originator_control_needs_their_recorded_decision(how: str) -> None:
    policy = narrowed(originator_controlled=how == "route")
    obligations = parse("SECRET//ORCON/REL TO USA, GBR").obligations if how == "marking" else ()
    assert exporting("ann", policy=policy, obligations=obligations) == "access.permitted"
    assert exporting("bob", policy=policy, obligations=obligations) == "originator.no-decision"
    late = date(2026, 6, 2)
    assert exporting("ann", policy=policy, obligations=obligations, day=late) == "originator.no-decision"
    elsewhere = "/labeling/api/export/falcon/label-studio"
    expected = "originator.no-decision" if how == "marking" else "access.permitted"
    assert exporting("ann", policy=policy, obligations=obligations, path=elsewhere) == expected


def test_reading_in_place_under_orcon_is_no_dissemination() -> None:
    asked = GatewayRequest("GET", "/labeling/api/projects", "", HIGH, ("OC",), DAY)
    assert decide(asked, person(ANALYST, HIGH), POLICY).allow


def test_rules_about_nobody_are_refused_when_they_take_effect() -> None:
    subject = {"name": "ann", "clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"]}
    registry = parse_registry({"subjects": [subject | {"groups": ["falcon"], "expires": "2100-01-01"}]})
    check_agreement(registry, narrowed(group="falcon"))
    with pytest.raises(ApplianceError, match="heron"):
        check_agreement(registry, narrowed(group="heron"))
    stranger = parse_registry({"subjects": [subject | {"name": "bob", "expires": "2100-01-01"}]})
    with pytest.raises(ApplianceError, match="2026-114 names 'ann'"):
        check_agreement(stranger, narrowed())


def test_a_role_is_what_the_access_rules_give_actions() -> None:
    """A site adds a role by two signatures, and nobody holds one that may do nothing."""
    subject = {"name": "ann", "clearance": "SECRET", "nationalities": ["USA"], "expires": "2100-01-01"}
    registry = parse_registry({"subjects": [subject | {"roles": ["adjudicator"]}]})
    rules = POLICY.model_dump(mode="json", exclude_none=True)
    with pytest.raises(ApplianceError, match="ann has the role 'adjudicator'"):
        check_agreement(registry, parse_policy(rules))
    wider = parse_policy(rules | {"roles": rules["roles"] | {"adjudicator": {"labeling": ["read"]}}})
    check_agreement(registry, wider)
    asked = GatewayRequest("GET", "/labeling/", "", HIGH, (), DAY)
    assert decide(asked, person(ANALYST, HIGH, "adjudicator"), wider).allow
    assert not decide(asked, person(ANALYST, HIGH, "adjudicator"), POLICY).allow


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"roles": {}}, "empty policy"),
        ({"roles": {"analyst": {"labeling": ["fly"]}}}, "no route has that action"),
        ({"roles": {"Wizard!": {"labeling": ["read"]}}}, "roles.Wizard!"),
        (
            {"routes": {"labeling": [{"path": "/x", "methods": ["POST"], "action": "read", "read_down": True}]}},
            "read_down",
        ),
        ({"anything": 1}, "anything"),
        ({"roles": {"analyst": {}}}, "rules of analyst are empty"),
        ({"roles": {"analyst": {"labeling": []}}}, "rules of analyst are empty"),
        ({"routes": {"labeling": []}}, "labeling has no routes"),
        ({"routes": {"labeling": [ROUTE | {"path": "/console/x"}]}}, "not one of labeling"),
        ({"routes": {"labeling": [ROUTE, ROUTE | {"action": "write"}]}}, "contradict"),
        ({"idle_minutes": 60, "session_minutes": 30}, "idle_minutes"),
        ({"originator_decisions": [WORD | {"recipients": []}]}, "recipients"),
        ({"originator_decisions": [WORD | {"expires": "never"}]}, "expires"),
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
