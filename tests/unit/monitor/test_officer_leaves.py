"""An officer leaves: the list without their key, and what their signature is good for afterwards."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.monitor.decide.break_glass import FOLDER, KIND, BreakGlassGrants
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import read_statements
from appliance.trust import dsse
from appliance.trust.keys import generate
from appliance.trust.officers import load_officers, payload_type
from tests.unit.monitor.gateway import SUBJECTS, Rig

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def fingerprint(folder: Path) -> str:
    return hashlib.sha256((folder / "officers.json").read_bytes()).hexdigest()


def lent(rig: Rig, by: tuple[str, ...]) -> bytes:
    value = {
        "id": "exercise-17",
        "site": rig.site.site,
        "subject": "evaluator",
        "enclave": "secret",
        "roles": ["annotator"],
        "reason": "the annotators are away",
        "begins": NOW.isoformat(),
        "ends": (NOW + timedelta(hours=4)).isoformat(),
    }
    return dsse.sign(value, payload_type(KIND), [rig.officers[name] for name in by])


def grants(rig: Rig) -> int:
    """How many break-glass statements hold on this host now."""
    officers = load_officers(rig.paths.registries / "current" / "officers.json")
    return len(BreakGlassGrants(rig.paths.root / FOLDER, officers, rig.site)._current())


def left(rig: Rig, **changes: Any) -> Path:
    """The site folder after ``second`` left and ``third`` came, signed by those who stay."""
    rig.officers["third"] = generate("third", demo=True)
    gone = rig.officers.pop("second")
    folder = rig.sign(rig.folder / "after", by=("first", "third"), **changes)
    rig.officers["second"] = gone  # who keeps the key, and may try
    return folder


def test_the_list_without_them_is_accepted_by_its_new_paper_alone(rig: Rig) -> None:
    before = fingerprint(rig.paths.root / "current" / "site")
    folder = left(rig)
    with pytest.raises(ApplianceError, match="its fingerprint is"):
        read_statements(folder, before)
    assert read_statements(folder, fingerprint(folder)).site == rig.site


@pytest.mark.parametrize("kind", ["site", "subjects", "access"])
def test_their_signature_makes_no_statement_any_more(rig: Rig, kind: str) -> None:
    folder = left(rig)
    old = rig.paths.root / "current" / "site" / f"{kind}.dsse.json"
    (folder / f"{kind}.dsse.json").write_bytes(old.read_bytes())
    with pytest.raises(ApplianceError, match=rf"{kind}\.dsse\.json"):
        read_statements(folder, fingerprint(folder))


def test_what_they_lent_and_nobody_has_used_ends(rig: Rig) -> None:
    (rig.paths.root / FOLDER).mkdir()
    file = rig.paths.root / FOLDER / "exercise-17.dsse.json"
    file.write_bytes(lent(rig, ("first", "second")))
    assert grants(rig) == 1
    folder = left(rig)
    registries.accept(rig.paths, folder, fingerprint(folder))
    assert grants(rig) == 0
    file.write_bytes(lent(rig, ("first", "third")))
    assert grants(rig) == 1


def test_the_person_is_nobody_when_the_registry_says_so(rig: Rig) -> None:
    people = [
        {"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items() if name != "evaluator"
    ]
    folder = left(rig, subjects={"version": 2, "subjects": people})
    assert read_statements(folder, fingerprint(folder)).registry.find("evaluator") is None
