"""What officers sign later takes effect at the next request; what does not hold leaves what is in force as it is."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509

from appliance.errors import ApplianceError
from appliance.monitor.serve.announcement import announced, expected
from appliance.monitor.serve.succession import ask
from appliance.trust.certificates import issue_client
from tests.unit.monitor.gateway import SUBJECTS, Rig, running

PROJECTS = "/labeling/api/projects"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture
def analyst(rig: Rig) -> Iterator[httpx.Client]:
    with rig.client("analyst") as client:
        assert client.post("/session").status_code == 201
        yield client
        client.delete("/session")


def registry(version: int, **changes: Any) -> dict[str, Any]:
    people = [{"name": name, "expires": "2100-01-01"} | fields for name, fields in SUBJECTS.items()]
    return {"version": version, "subjects": [people[0] | changes, *people[1:]]}


def access(**changes: Any) -> dict[str, Any]:
    return dict(yaml.safe_load(Path("policies/access.yml").read_text())) | changes


def serial(rig: Rig) -> str:
    return format(x509.load_pem_x509_certificate((rig.folder / "analyst.pem").read_bytes()).serial_number, "X")


def next_version(rig: Rig) -> int:
    return rig.version("subjects") + 1


def test_a_revoked_certificate_is_refused_at_the_next_request(rig: Rig, analyst: httpx.Client, tmp_path: Path) -> None:
    assert analyst.get(PROJECTS).status_code == 200
    version = next_version(rig)
    revoked = rig.sign(tmp_path / "revoked", subjects=registry(version, revoked=[serial(rig)]))
    assert ask(rig.paths, revoked, dry_run=True)["dry_run"]
    assert analyst.get(PROJECTS).status_code == 200, "a dry run changes nothing"
    assert ask(rig.paths, revoked, dry_run=False)["changed"]
    assert analyst.get(PROJECTS).status_code == 404
    assert rig.last_rule() == "identity.revoked"
    ask(rig.paths, rig.sign(tmp_path / "again", subjects=registry(version + 1)), dry_run=False)
    assert analyst.get(PROJECTS).status_code == 200, "the session went on"


def test_the_host_need_not_restart_a_monitor_that_took_over_new_statements(rig: Rig, tmp_path: Path) -> None:
    before = expected(rig.paths)
    ask(rig.paths, rig.sign(tmp_path / "next", subjects=registry(next_version(rig))), dry_run=False)
    assert announced(rig.paths) == expected(rig.paths) != before


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"clearance": "UNCLASSIFIED"}, "mandatory.clearance-does-not-dominate"),
        ({"nationalities": ["USA", "FRA"]}, "mandatory.clearance-does-not-dominate"),
        ({"roles": ["officer"]}, "access.role"),
        ({"expires": "2020-01-01"}, "identity.registration-expired"),
        ({"name": "somebody"}, "identity.not-registered"),
    ],
)
def test_a_changed_subject_has_what_they_have_now(
    rig: Rig, analyst: httpx.Client, tmp_path: Path, change: dict[str, Any], rule: str
) -> None:
    version = next_version(rig)
    ask(rig.paths, rig.sign(tmp_path / "changed", subjects=registry(version, **change)), dry_run=False)
    refused = analyst.get(PROJECTS)
    rules = rig.last_rule()
    ask(rig.paths, rig.sign(tmp_path / "again", subjects=registry(version + 1)), dry_run=False)
    assert (refused.status_code, rules) == (404, rule)


WORD = {
    "reference": "1",
    "originator": "J2",
    "path": "/labeling/api/export/*",
    "recipients": ["stranger"],
    "expires": "2100-01-01",
}
BAD: dict[str, tuple[Callable[[Rig, Path], Path], str]] = {
    "signed by one officer": (
        lambda rig, folder: rig.sign(folder, by=["first"], subjects=registry(next_version(rig))),
        "signed by first; 2 people must sign",
    ),
    "older": (lambda rig, folder: rig.sign(folder, subjects=registry(rig.version("subjects") - 1)), "does not follow"),
    "of the same version": (
        lambda rig, folder: rig.sign(folder, subjects=registry(rig.version("subjects"), roles=["officer"])),
        "does not follow",
    ),
    "contradictory": (
        lambda rig, folder: rig.sign(folder, access=access(version=9, roles={"analyst": {"labeling": ["fly"]}})),
        "no route has that action",
    ),
    "empty": (lambda rig, folder: rig.sign(folder, access=access(version=9, roles={})), "empty policy"),
    "about nobody": (
        lambda rig, folder: rig.sign(folder, access=access(version=9, originator_decisions=[WORD])),
        "names 'stranger'",
    ),
    "of another site": (lambda rig, folder: rig.sign(folder, site=other_site()), "enclaves"),
    "half carried": (lambda rig, folder: without(rig.sign(folder), "access.dsse.json"), "missing"),
    "changed after signing": (lambda rig, folder: flipped(rig.sign(folder) / "access.dsse.json"), "access.dsse.json"),
}


def other_site() -> dict[str, Any]:
    site = dict(yaml.safe_load(Path("site.example.yml").read_text()))
    site["enclaves"][0]["hostname"] = "elsewhere.site.test"
    return site


def without(folder: Path, file: str) -> Path:
    (folder / file).unlink()
    return folder


def flipped(file: Path) -> Path:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return file.parent


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_statement_leaves_the_old_ones_in_force(
    rig: Rig, analyst: httpx.Client, tmp_path: Path, kind: str
) -> None:
    make, word = BAD[kind]
    ask(rig.paths, rig.sign(tmp_path / "good", subjects=registry(next_version(rig))), dry_run=False)
    installed = {file: file.read_bytes() for file in (rig.paths.registries / "current").glob("*.json")}
    folder = make(rig, tmp_path / "bad")
    with pytest.raises(ApplianceError, match=word):
        ask(rig.paths, folder, dry_run=False)
    assert rig.last_rule() == "statements.refused"
    assert word in rig.records()[-1]["unmapped"]["reason"]
    assert {file: file.read_bytes() for file in installed} == installed
    assert not list(rig.paths.root.glob(".candidate-*"))
    assert analyst.get(PROJECTS).status_code == 200


CARD = "DOE.JOHN.Q.1234567890"


def test_a_smart_card_is_who_the_officers_table_says_and_its_session_is_not_handed_on(rig: Rig, tmp_path: Path) -> None:
    issue_client(rig.issuer, CARD).write(rig.folder, "card")

    def mapped(name: str, *subjects: str) -> None:
        table = {"certificates": [{"subject": subject, "common_name": CARD} for subject in subjects]}
        ask(rig.paths, rig.sign(tmp_path / name, subjects=registry(next_version(rig)) | table), dry_run=False)

    with rig.client("card") as card:
        assert card.post("/session").status_code == 404
        assert rig.last_rule() == "identity.name"
        mapped("analyst", "analyst")
        assert card.post("/session").status_code == 201
        assert card.get(PROJECTS).json()["subject"] == "analyst"
        mapped("evaluator", "evaluator")
        assert card.get(PROJECTS).status_code == 401, "the session was the analyst's"
        assert card.post("/session").status_code == 201
        assert card.get(PROJECTS).json()["subject"] == "evaluator"
        card.delete("/session")
        mapped("nobody")
        assert card.get(PROJECTS).status_code == 404
    with pytest.raises(ApplianceError, match="stands there twice"):
        mapped("both", "analyst", "evaluator")


def test_another_profile_of_markings_is_named_and_needs_an_installation(rig: Rig, tmp_path: Path) -> None:
    site = yaml.safe_load(Path("site.example.yml").read_text()) | {"markings": {"profile": "ic"}}
    with pytest.raises(ApplianceError, match=r"markings\.profile is ic, and strict is in force") as refusal:
        ask(rig.paths, rig.sign(tmp_path / "profile", site=site), dry_run=False)
    assert refusal.value.remedy == "appliance host install"


def test_what_cannot_be_recorded_does_not_take_effect(rig: Rig, analyst: httpx.Client, tmp_path: Path) -> None:
    folder = rig.sign(tmp_path / "site", subjects=registry(next_version(rig), revoked=[serial(rig)]))
    rig.fail_log = True
    try:
        with pytest.raises(ApplianceError, match="no durable record"):
            ask(rig.paths, folder, dry_run=False)
    finally:
        rig.fail_log = False
    assert analyst.get(PROJECTS).status_code == 200


def test_no_request_is_dropped_while_statements_change(rig: Rig, analyst: httpx.Client, tmp_path: Path) -> None:
    first = next_version(rig)
    folders = [
        rig.sign(tmp_path / str(number), subjects=registry(first + number), access=access(version=first + number))
        for number in range(10)
    ]
    done = threading.Event()

    def change() -> None:
        for folder in folders:
            ask(rig.paths, folder, dry_run=False)
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    answers: list[int] = []
    while not done.is_set() or len(answers) < 50:
        answers.append(analyst.get(PROJECTS).status_code)
    thread.join()
    assert set(answers) == {200}
    digests = {record["actor"]["authorizations"][0]["policy"]["uid"] for record in rig.records()[-len(answers) :]}
    assert len(digests) > 1, "each record names the policy that decided it"


def test_without_the_monitor_nothing_takes_effect(rig: Rig, tmp_path: Path) -> None:
    nowhere = type(rig.paths)(tmp_path, tmp_path)
    with pytest.raises(ApplianceError, match="does not answer"):
        ask(nowhere, tmp_path, dry_run=False)
