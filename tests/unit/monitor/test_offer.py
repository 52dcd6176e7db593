"""The manifest offers, the officers decide: what a bundle adds stays closed, and is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.catalogue import Catalogue
from appliance.contract.manifest import Manifest, Route, compiled
from appliance.monitor.decide.access import example
from appliance.monitor.decide.offer import compare, drafted, within
from appliance.monitor.decide.policy import parse_policy
from tests.catalogue import CATALOGUE

RULES: dict[str, Any] = yaml.safe_load(Path("policies/access.yml").read_text())


def offering(**change: Any) -> Catalogue:
    """The catalogue in which labeling also offers something else."""
    first = CATALOGUE["labeling"].model_dump()
    first["routes"] = [*first["routes"], {"path": "/labeling/new/**", "methods": ["GET"], "action": "look"} | change]
    return Catalogue(services=(Manifest.model_validate(first), *CATALOGUE.services[1:]))


def test_the_appliances_own_rules_open_what_its_services_offer() -> None:
    assert compare(parse_policy(RULES), CATALOGUE).lines() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "labeling: GET /labeling/new/** (look)"),
        ({"action": "export"}, "labeling: GET /labeling/new/** (export)"),
        ({"methods": ["DELETE"], "action": "read"}, "labeling: DELETE /labeling/new/** (read)"),
        (
            {"path": "/labeling/api/export/all", "action": "export", "read_down": True},
            "labeling: GET /labeling/api/export/all (export, read from above)",
        ),
    ],
    ids=["action", "wider action", "method", "read down"],
)
def test_what_a_bundle_adds_or_widens_is_told_and_stays_closed(change: dict[str, Any], told: str) -> None:
    policy, wider = parse_policy(RULES), offering(**change)
    assert compare(policy, wider).closed == (told,)
    assert compare(policy, wider).beyond == ()
    assert policy.route("labeling", "GET", "/labeling/new/x") == policy.route("labeling", "GET", "/labeling/other")


def test_what_is_open_and_nobody_offers_is_told() -> None:
    rules = RULES | {"routes": RULES["routes"] | {"mail": [{"path": "/mail/**", "methods": ["GET"], "action": "read"}]}}
    assert compare(parse_policy(rules), CATALOGUE).beyond == ("mail: GET /mail/** (read)",)


def test_a_draft_opens_everything_and_keeps_what_narrows() -> None:
    narrow = {"path": "/labeling/api/projects/falcon", "methods": ["GET"], "action": "read", "group": "falcon"}
    rules = RULES | {"routes": RULES["routes"] | {"labeling": [narrow, *RULES["routes"]["labeling"]]}}
    draft = drafted(rules, offering())
    assert draft["version"] == RULES["version"] + 1
    assert draft["routes"]["labeling"][0] == narrow
    policy = parse_policy(draft)
    assert compare(policy, offering()).lines() == []
    assert policy.route("labeling", "GET", "/labeling/api/projects/falcon").group == "falcon"  # type: ignore[union-attr]


paths = st.lists(st.sampled_from(["a", "b", "*"]), max_size=3).flatmap(
    lambda parts: st.sampled_from(["", "/**"]).map(lambda end: "/x/" + "/".join(parts) + end if parts else f"/x{end}")
)


@given(paths, paths, st.lists(st.sampled_from(["a", "b", "c"]), max_size=4))
def test_who_is_within_is_matched_by_whatever_is_matched(narrow: str, wide: str, segments: list[str]) -> None:
    one, other = (Route(path=path, methods=("GET",), action="read") for path in (narrow, wide))
    asked = "/".join(["/x", *segments])
    if within(one, "GET", other) and compiled(narrow).fullmatch(asked):
        assert compiled(wide).fullmatch(asked)


@given(paths)
def test_every_route_is_within_itself(path: str) -> None:
    route = Route(path=path, methods=("GET",), action="read")
    assert within(route, "GET", route)
    assert compiled(path).fullmatch(example(route))  # type: ignore[arg-type]
