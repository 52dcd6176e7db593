"""What two officers approved leaves once, whatever crashes, to a destination that may hold it, and not by who asked."""

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.host.data import exchange
from appliance.monitor.decide.registry import Registry
from appliance.trust import canonical, dsse
from appliance.trust.keys import generate
from appliance.trust.officers import payload_digest, payload_type
from tests.unit.monitor.gateway import Rig, running

HELD = b'{"classification": {"marking": "SECRET//REL TO USA, GBR"}}\n{"prompt": "x"}\n'
LABEL = "SECRET//REL TO USA, GBR"
TWO = ["first", "second"]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def held(rig: Rig, number: int, **changes: Any) -> dict[str, Any]:
    """An export as `appliance enclave export` holds it."""
    name, digest = f"{number:032x}", hashlib.sha256(HELD).hexdigest()
    value = {
        "id": name, "site": rig.site.site, "enclave": "secret", "marking": LABEL, "file": f"export-{number}.jsonl",
        "sha256": digest, "source": digest, "subject": "analyst", "destination": "J2, disc 7",
        "destination_label": LABEL,
        "expires": (datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    } | changes  # fmt: skip
    folder = rig.paths.root / "exchange" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(value["file"])).write_bytes(HELD)
    (folder / "request.json").write_bytes(canonical.encode(value))
    return value


def approved(rig: Rig, value: dict[str, Any], by: list[str] | None = None) -> Path:
    file = rig.folder / "approval.dsse.json"
    file.write_bytes(dsse.sign(value, payload_type("export"), [rig.officers[one] for one in by or TWO]))
    return file


def test_an_approval_is_spent_before_anything_leaves(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash at any step releases at most once: the file on the medium is written last."""
    value = held(rig, 1)
    approval = approved(rig, value)
    spent = rig.paths.root / "exchange" / "spent" / value["id"]

    def crash(*_: object) -> None:
        assert spent.exists(), "nothing is written before the approval is spent"
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("appliance.host.data.exchange.shutil.rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            exchange.release(rig.paths, approval, tmp_path)
    (tmp_path / value["file"]).unlink()
    with pytest.raises(ApplianceError, match="nothing is held for it"):
        exchange.release(rig.paths, approval, tmp_path)
    held(rig, 1)  # a copy of the held folder, brought back
    with pytest.raises(ApplianceError, match="nothing is held for it"):
        exchange.release(rig.paths, approval, tmp_path)


def test_without_a_record_nothing_is_spent_and_nothing_leaves(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = approved(rig, held(rig, 2))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("appliance.host.data.exchange.spool.append", full)
        with pytest.raises(OSError, match="No space"):
            exchange.release(rig.paths, approval, tmp_path)
    assert list(tmp_path.iterdir()) == []
    written, _ = exchange.release(rig.paths, approval, tmp_path)
    assert written.read_bytes() == HELD


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": "first"}, "first asked for the export, and is among those who approve it"),
        ({"destination": "a stick that I found"}, "is no registered destination"),
        ({"destination": "unclassified", "destination_label": "UNCLASSIFIED"}, "may hold UNCLASSIFIED, and the export"),
        ({"destination_label": "SECRET//NOFORN"}, "J2, disc 7 was SECRET//NOFORN, and is another now"),
        ({"destination_label": None}, "and is another now"),
    ],
)
def test_who_asked_does_not_approve_and_a_destination_may_hold_it(
    rig: Rig, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ApplianceError, match=reason):
        exchange.release(rig.paths, approved(rig, held(rig, 3, **changes)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_goes_to_an_enclave_that_dominates_it(rig: Rig, tmp_path: Path) -> None:
    value = held(rig, 4, destination="system-high", destination_label="SECRET//NOFORN")
    assert exchange.release(rig.paths, approved(rig, value), tmp_path)[0].exists()


def test_what_officers_revoked_does_not_leave(rig: Rig, tmp_path: Path) -> None:
    value = held(rig, 5)
    folder = rig.paths.root / "revocations"
    folder.mkdir(exist_ok=True)
    (folder / f"export.{payload_digest(value)}.dsse.json").touch()
    with pytest.raises(ApplianceError, match="was revoked by two officers"):
        exchange.release(rig.paths, approved(rig, value), tmp_path)


@pytest.mark.parametrize(
    ("requester", "signers", "allowed"),
    [
        ("anna", ("olga", "otto"), True),
        ("olga", ("olga", "otto"), False),
        ("olga", ("DEMO-olga", "DEMO-otto"), False),
        ("anna", ("CARD.OLGA.1", "otto"), True),
        ("olga", ("CARD.OLGA.1", "otto"), False),
        ("olga", ("olga", "otto", "nora"), True),
    ],
)
def test_a_requester_is_known_by_whatever_name_they_sign(
    requester: str, signers: tuple[str, ...], allowed: bool
) -> None:
    subject = {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["officer"], "expires": "2100-01-01"}
    registry = Registry.model_validate(
        {
            "subjects": [{"name": name} | subject for name in ("anna", "olga")],
            "certificates": [{"common_name": "CARD.OLGA.1", "subject": "olga"}],
        }
    )
    if allowed:
        exchange.require_others(requester, signers, registry, "x")
        return
    with pytest.raises(ApplianceError, match="is among those who approve it"):
        exchange.require_others(requester, signers, registry, "x")


def test_one_officer_is_not_two(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="2 people must sign"):
        exchange.release(rig.paths, approved(rig, held(rig, 6), ["first"]), tmp_path)
    file = rig.folder / "stranger.dsse.json"
    file.write_bytes(dsse.sign(held(rig, 6), payload_type("export"), [rig.officers["first"], generate("eve")]))
    with pytest.raises(ApplianceError, match="no known person"):
        exchange.release(rig.paths, file, tmp_path)
