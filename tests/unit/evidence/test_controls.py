"""``policies/controls.yml`` is the one source: what it names exists, and what exists is named."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.host.enforce.platform import detect
from appliance.host.report.evidence.checks.registry import CHECKS, LAYER
from appliance.host.report.evidence.controls import FILE, Control, Responsibility, State, read_table, worst
from appliance.host.watching.layers import layers
from appliance.host.watching.reconciler import Look
from tests.unit.host.installed import Host

ROOT = Path(__file__).parents[3]
TABLE = read_table((ROOT / FILE).read_bytes())
SOURCES = json.loads((Path(__file__).parent / "catalogue.json").read_text())
ASKED_BY_NOBODY = {
    "AppArmor": "a second wall behind seccomp and namespaces, which a host may lack",
    "SELinux": "not used on Debian",
    "weights of the disk": "availability alone",
    "weights of the processor": "availability alone",
}
"""Layers that no control rests on, and why."""


def test_there_are_at_least_sixty_and_every_kind_of_responsibility() -> None:
    assert len(TABLE.controls) >= 60
    assert {control.responsibility for control in TABLE.controls} == set(Responsibility)


@pytest.mark.parametrize("control", TABLE.controls, ids=lambda control: control.id)
def test_what_a_control_names_exists(control: Control) -> None:
    assert control.title == SOURCES["titles"][control.id]
    assert set(control.cci) <= set(SOURCES["cci"][control.id])
    for proof in control.proofs:
        file, _, name = proof.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), proof


def test_the_code_of_every_part_exists() -> None:
    assert [path for part in TABLE.parts.values() for path in part.code if not (ROOT / path).exists()] == []


def test_every_check_that_is_asked_can_be_made_and_every_one_that_can_be_made_is_asked(tmp_path: Path) -> None:
    known = layers(Host(tmp_path).paths, detect(), Look(frozenset(), frozenset()))
    every = set(CHECKS) | {f"{LAYER}{layer.name}" for layer in known}
    assert set(TABLE.checks) == every - {f"{LAYER}{name}" for name in ASKED_BY_NOBODY}


@given(st.lists(st.sampled_from(State)))
def test_the_worst_counts_and_nothing_is_not_satisfied_by_nothing(states: list[State]) -> None:
    found = worst(states)
    assert (found is State.SATISFIED) == (bool(states) and set(states) == {State.SATISFIED})
    assert (found is State.NOT_SATISFIED) == (State.NOT_SATISFIED in states)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"checks": ["log"], "responsibility": "site", "site": "The site does."}, "alone has no part"),
        ({"proofs": []}, "proven by a test"),
        ({"site": "The site does."}, "'site' says"),
        ({"part": "kitchen"}, "not described"),
        ({"cci": ["CCI-1"]}, "cci"),
        ({"id": "AC-03"}, "id"),
        ({"id": "AC-4"}, "stands twice"),
        ({"reviewed": True}, "reviewed"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change: dict[str, object], named: str) -> None:
    value = yaml.safe_load((ROOT / FILE).read_text())
    row = next(one for one in value["controls"] if one["id"] == "AC-3")
    row |= change
    with pytest.raises(ApplianceError, match=re.escape(named)):
        read_table(yaml.safe_dump(value).encode())
