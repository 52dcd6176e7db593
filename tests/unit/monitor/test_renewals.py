"""A renewal has an overlap that ends: configured, recorded, and told to the person."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.monitor.decide.certificate_names import CertificateNames
from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.registry import Subject
from appliance.monitor.decide.renewals import SUPERSEDED, Renewals
from appliance.monitor.serve.succession import ask
from appliance.trust.certificates import issue_client
from tests.unit.monitor.gateway import SUBJECTS, Rig, running

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
ANN: dict[str, Any] = {"name": "ann", "clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"]}


def ann(*revoked: str) -> Subject:
    return Subject.model_validate(ANN | {"expires": "2100-01-01", "revoked": revoked})


def certificate(serial: str, begins: datetime, days: int = 360) -> Identity:
    names = CertificateNames(common_name="ann")
    return Identity("ann", "", serial, serial * 2, begins, begins + days * DAY, names)


OLD, NEW = certificate("1", START), certificate("2", START + 350 * DAY)


def accepted(renewals: Renewals, identity: Identity, now: datetime, subject: Subject | None = None) -> bool:
    until = renewals.until(identity, subject or ann(), 7)
    if until is None or now <= until:
        renewals.require_current(identity, subject or ann(), 7, now)
        return True
    with pytest.raises(IdentityError, match=f"your certificate {identity.serial} was renewed") as refused:
        renewals.require_current(identity, subject or ann(), 7, now)
    assert refused.value.rule == SUPERSEDED
    return False


def test_the_old_certificate_counts_for_some_days_after_the_new_one_is_used(tmp_path: Path) -> None:
    renewals = Renewals(tmp_path / "used.json")
    renewals.note(OLD, START + 300 * DAY)
    assert accepted(renewals, OLD, START + 359 * DAY), "a renewed certificate that nobody uses ends nothing"
    used = START + 351 * DAY
    assert renewals.renews(NEW) == ["1"]
    renewals.note(NEW, used)
    assert renewals.renews(NEW) == [], "its first use is recorded once"
    for known in (renewals, Renewals(tmp_path / "used.json")):
        assert accepted(known, OLD, used + 7 * DAY)
        assert not accepted(known, OLD, used + 8 * DAY)
        assert accepted(known, NEW, used + 8 * DAY)


def test_two_workstations_do_not_end_each_other() -> None:
    renewals = Renewals()
    other = certificate("3", START + 30 * DAY)
    renewals.note(OLD, START + 30 * DAY)
    renewals.note(other, START + 31 * DAY)
    assert accepted(renewals, OLD, START + 340 * DAY)
    assert accepted(renewals, other, START + 340 * DAY)


def test_a_revoked_certificate_renews_nothing() -> None:
    renewals = Renewals()
    renewals.note(NEW, START + 350 * DAY)
    assert not accepted(renewals, OLD, START + 359 * DAY)
    assert accepted(renewals, OLD, START + 359 * DAY, ann("2"))


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(1, 400)), min_size=1, max_size=5), st.integers(0, 800))
def test_of_all_certificates_that_are_used_the_last_issued_counts(issued: list[tuple[int, int]], later: int) -> None:
    renewals = Renewals()
    certificates = [certificate(f"{n:x}", START + day * DAY, days) for n, (day, days) in enumerate(issued)]
    for one in certificates:
        renewals.note(one, one.not_before)
    newest = max(certificates, key=lambda one: one.not_before)
    assert accepted(renewals, newest, newest.not_before + later * DAY)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture
def old(rig: Rig) -> Iterator[httpx.Client]:
    """The analyst's certificate of last year, which is valid for two weeks more."""
    now = datetime.now(UTC)
    issue_client(rig.issuer, "analyst", not_before=now - 350 * DAY, not_after=now + 14 * DAY).write(rig.folder, "old")
    with rig.client("old") as client:
        yield client


def put_in_force(rig: Rig, tmp_path: Path, version: int, days: int) -> None:
    rules = yaml.safe_load(Path("policies/access.yml").read_text())
    access = rules | {"version": version, "renewal_overlap_days": days}
    listed = [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]
    ask(rig.paths, rig.sign(tmp_path / str(version), access=access, subjects={"subjects": listed}), dry_run=False)


def test_the_person_is_told_before_and_after_and_the_log_has_both(rig: Rig, old: httpx.Client, tmp_path: Path) -> None:
    assert old.post("/session").json()["certificate"]["accepted_until"] is None
    old.delete("/session")
    with rig.client("analyst") as new:
        assert new.post("/session").status_code == 201
        opened = [record for record in rig.records() if "which renews" in str(record)]
        assert len(opened) == 1
        new.delete("/session")
        new.post("/session")
        new.delete("/session")
    assert len([record for record in rig.records() if "which renews" in str(record)]) == 1
    told = old.post("/session").json()["certificate"]["accepted_until"]
    assert told == f"{datetime.now(UTC) + 7 * DAY:%Y-%m-%d}"
    assert f"accepted until {told}" in old.get("/session", headers={"accept": "text/html"}).text
    put_in_force(rig, tmp_path, rig.version("access") + 1, 0)
    assert old.get("/labeling/api/projects").status_code == 200, "until the day is over"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which the gateway's user may enter, as it may not enter pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_after_the_overlap_the_old_certificate_is_refused_and_the_person_told_why(folder: Path) -> None:
    now = datetime.now(UTC)
    used = {"begins": (now - 20 * DAY).timestamp(), "ends": (now + 340 * DAY).timestamp()}
    used["first"] = (now - 19 * DAY).timestamp()
    root = folder / "root"
    root.mkdir()
    (root / "certificates-used.json").write_text(json.dumps({"evaluator": {"2a": used}}))
    with running(folder) as rig:
        old = issue_client(rig.issuer, "evaluator", not_before=now - 350 * DAY, not_after=now + 9 * DAY)
        old.write(rig.folder, "older")
        with rig.client("older") as client:
            answers = [client.get("/labeling/api/projects"), client.post("/session"), client.get("/")]
            page = client.get("/labeling/", headers={"accept": "text/html"})
        assert {answer.status_code for answer in [*answers, page]} == {401}
        for answer in answers:
            assert f"until {now - 12 * DAY:%Y-%m-%d}" in answer.json()["error"]
            assert answer.json()["classification"]["marking"] == rig.enclave.label
        assert "Your certificate was renewed" in page.text
        assert rig.last_rule() == SUPERSEDED
        with rig.client("evaluator") as client:
            assert client.post("/session").status_code == 201
