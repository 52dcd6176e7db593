"""A statement follows the one in force, of the same site and made from it; back goes what two officers signed."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.enclave.site import parse_site
from appliance.errors import ApplianceError
from appliance.monitor.decide.policy import parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.monitor.in_force.lineage import FILE, RULE, RollBack
from appliance.monitor.in_force.statements import Statements, check_not_older
from appliance.monitor.serve.succession import ask
from appliance.trust import dsse
from appliance.trust.officers import payload_digest, payload_type
from tests.unit.monitor.gateway import SUBJECTS, Rig, running

SITE = dict(yaml.safe_load(Path("site.example.yml").read_text()))
ACCESS = dict(yaml.safe_load(Path("policies/access.yml").read_text()))
PEOPLE = [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def registry(version: int, **changes: Any) -> dict[str, Any]:
    return {"version": version, "subjects": PEOPLE} | changes


def applied(rig: Rig, folder: Path, **statements: Any) -> dict[str, Any]:
    return ask(rig.paths, rig.sign(folder, **statements), dry_run=False)


def signed_back(rig: Rig, folder: Path, value: dict[str, Any], by: list[str]) -> Path:
    (folder / FILE).write_bytes(dsse.sign(value, payload_type("roll-back"), [rig.officers[one] for one in by]))
    return folder


def going_back(site: str, old: dict[str, Any], new: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "site": site,
        "statement": "subjects",
        "in_force": payload_digest(old),
        "wanted": payload_digest(new),
        "reason": "the new list locked the annotators out",
        "expires": (datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)).isoformat(),
    } | changes


def test_a_statement_of_another_site_does_not_take_effect(rig: Rig, tmp_path: Path) -> None:
    version = rig.version("subjects") + 1
    with pytest.raises(ApplianceError, match=r"subjects.dsse.json: is of the site elsewhere, not of demonstration"):
        applied(rig, tmp_path / "a", subjects=registry(version, site="elsewhere"))
    with pytest.raises(ApplianceError, match=r"access.dsse.json: is of the site elsewhere"):
        applied(rig, tmp_path / "b", access=ACCESS | {"site": "elsewhere", "version": 99})
    assert rig.version("subjects") < version


def test_each_follows_the_one_that_it_was_made_from_and_two_officers_go_back(rig: Rig, tmp_path: Path) -> None:
    name, version = rig.site.site, rig.version("subjects") + 1
    first = registry(version, site=name)
    applied(rig, tmp_path / "1", subjects=first)
    second = registry(version + 1, site=name, predecessor=payload_digest(first))
    applied(rig, tmp_path / "2", subjects=second)
    wrong = {
        "of one branch, and another is in force": registry(version + 2, site=name, predecessor=payload_digest(first)),
        "without a predecessor": registry(version + 2, site=name),
        "without a site": registry(version + 2, predecessor=payload_digest(second)),
        "of the same version": registry(version + 1, site=name, predecessor=payload_digest(second)),
        "the one before": first,
    }
    for what, value in wrong.items():
        with pytest.raises(ApplianceError, match=r"^subjects: "):
            applied(rig, tmp_path / what, subjects=value)
    folder = rig.sign(tmp_path / "back", subjects=first)
    shutil.copy(rig.paths.registries / "current" / "access.dsse.json", folder)
    for value, by, reason in (
        (going_back(name, second, first), ["first"], "2 people must sign"),
        (going_back("elsewhere", second, first), ["first", "second"], "is of the site elsewhere"),
        (going_back(name, second, first, expires="2020-01-01T00:00:00Z"), ["first", "second"], "until 2020-01-01"),
        (going_back(name, second, first, expires="2099-01-01T00:00:00Z"), ["first", "second"], "until 2099-01-01"),
        (going_back(name, first, second), ["first", "second"], "does not follow version"),
        (going_back(name, second, first, statement="access"), ["first", "second"], "does not follow version"),
    ):
        with pytest.raises(ApplianceError, match=reason):
            ask(rig.paths, signed_back(rig, folder, value, by), dry_run=False)
        assert rig.version("subjects") == version + 1
    signed_back(rig, folder, going_back(name, second, first), ["first", "second"])
    assert ask(rig.paths, folder, dry_run=False)["rolled_back"] == ["subjects"]
    assert rig.version("subjects") == version
    assert rig.last_rule() == RULE
    assert ask(rig.paths, folder, dry_run=False)["rolled_back"] == [], "nothing is left to go back from"


def statements(**changes: dict[str, Any]) -> Statements:
    site = SITE | changes.get("site", {})
    subjects, access = registry(1) | changes.get("subjects", {}), ACCESS | changes.get("access", {})
    values = {"site": site, "subjects": subjects, "access": access}
    return Statements(
        site=parse_site(site),
        registry=parse_registry(subjects),
        policy=parse_policy(access),
        digests=dict.fromkeys(values, "0" * 64),
        payloads={kind: payload_digest(value) for kind, value in values.items()},
    )


@pytest.mark.parametrize(
    ("kind", "before", "after", "reason"),
    [
        ("site", {}, {"hardening_exceptions": {"x": "y"}}, None),
        ("site", {"version": 2}, {"version": 3}, None),
        ("site", {"version": 2}, {"version": 1}, "does not follow version 2"),
        ("site", {"version": 2}, {"hardening_exceptions": {"x": "y"}}, "does not follow version 2"),
        ("site", {"version": 1}, {"hardening_exceptions": {"x": "y"}}, "does not name its version"),
        ("site", {"version": 2}, {"version": 3, "predecessor": "f" * 64}, "follows f"),
        ("subjects", {"version": 2}, {"version": 1}, "does not follow version 2"),
        ("access", {"version": 5}, {"version": 4}, "does not follow version 5"),
        ("access", {"version": 5, "site": "demonstration"}, {"version": 6}, "does not name its site"),
    ],
)
def test_what_may_be_installed_after_what(
    kind: str, before: dict[str, Any], after: dict[str, Any], reason: str | None
) -> None:
    old, new = statements(**{kind: before}), statements(**{kind: after})
    if reason is None:
        assert check_not_older(old, new) == []
        return
    with pytest.raises(ApplianceError, match=f"^{kind}: .*{reason}"):
        check_not_older(old, new)
    value = going_back("demonstration", {}, {}, statement=kind)
    value |= {"in_force": old.payloads[kind], "wanted": new.payloads[kind]}
    assert check_not_older(old, new, RollBack.model_validate(value)) == [kind]
