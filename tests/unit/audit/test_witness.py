"""Officers cosign a log that only grew, and find out about one that did not."""

import asyncio
import json
import shutil
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.ocsf import Event
from appliance.audit.log import bodies, key_file
from appliance.audit.log.note import COSIGNATURE, Note, Signer, Verifier
from appliance.audit.log.policy import Policy, PolicyError
from appliance.audit.log.witness import CosigningRequest, WitnessError, accept, cosign, request
from appliance.audit.log.writer import Log
from appliance.audit.review.summary import last_review, overdue, review
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.unit.audit.conftest import Place

RUNNER = CliRunner()


class Officer:
    """An officer's own machine: the key, the memory, and the log's key from paper."""

    def __init__(self, name: str, place: Place, folder: Path) -> None:
        self.signer = Signer.generate(name, COSIGNATURE)
        self.state = folder / f"{name}.state"
        self.log_key = Verifier.decode(place.vkey)

    def cosign(self, asked: CosigningRequest, now: int = 1_800_000_000) -> bytes:
        return cosign(CosigningRequest.decode(asked.encode()), self.log_key, self.signer, self.state, now).encode()


@pytest.fixture
def officers(place: Place, tmp_path: Path) -> list[Officer]:
    return [Officer(name, place, tmp_path) for name in ("isso", "issm", "alternate")]


def policy_of(place: Place, officers: list[Officer], quorum: str = "officers") -> Policy:
    return Policy.decode(policy_text(place, officers, quorum))


def policy_text(place: Place, officers: list[Officer], quorum: str = "officers") -> str:
    lines = [f"witness {officer.signer.name} {officer.signer.verifier.encode()}" for officer in officers]
    names = " ".join(officer.signer.name for officer in officers)
    return "\n".join(["# two of three", f"log {place.vkey}", *lines, f"group officers 2 {names}", f"quorum {quorum}"])


def test_two_officers_make_the_quorum_and_the_review_is_remembered(place: Place, officers: list[Officer]) -> None:
    asyncio.run(place.fill(300))
    log_key, policy = Verifier.decode(place.vkey), policy_of(place, officers)
    keys = list(policy.witnesses.values())
    assert not overdue(last_review(place.path, policy), 8 * 24 * 3600, None)
    assert overdue(last_review(place.path, policy), 8 * 24 * 3600, 0)
    accept(place.path, officers[0].cosign(request(place.path, log_key, 0)), log_key, keys)
    assert last_review(place.path, policy) is None
    asyncio.run(place.fill(500))
    one = officers[1].cosign(request(place.path, log_key, 0), 1_800_000_100)
    two = officers[0].cosign(request(place.path, log_key, 300))
    accept(place.path, one, log_key, keys)
    checkpoint, names = accept(place.path, two, log_key, keys)
    assert (checkpoint.size, names) == (800, ["isso", "issm"])
    last = last_review(place.path, policy)
    assert last is not None
    assert (last.checkpoint.size, last.cosigned) == (800, {"isso": 1_800_000_000, "issm": 1_800_000_100})
    assert not overdue(last, 1_800_000_100 + 7 * 24 * 3600, 0)
    assert overdue(last, 1_800_000_101 + 7 * 24 * 3600, 0)


def test_an_older_cosigned_checkpoint_is_of_the_history_of_a_grown_log(place: Place, officers: list[Officer]) -> None:
    asyncio.run(place.fill(77))
    log_key = Verifier.decode(place.vkey)
    cosigned = officers[0].cosign(request(place.path, log_key, 0))
    asyncio.run(place.fill(1000))
    assert accept(place.path, cosigned, log_key, [officers[0].signer.verifier])[0].size == 77


def test_a_log_returned_to_an_old_copy_is_noticed(place: Place, officers: list[Officer], tmp_path: Path) -> None:
    asyncio.run(place.fill(100))
    shutil.copytree(place.path, tmp_path / "old")
    asyncio.run(place.fill(100))
    log_key = Verifier.decode(place.vkey)
    officers[0].cosign(request(place.path, log_key, 0))
    with pytest.raises(WitnessError, match="records were removed"):
        officers[0].cosign(request(tmp_path / "old", log_key, 0))


def test_a_split_view_is_noticed(place: Place, officers: list[Officer], tmp_path: Path) -> None:
    asyncio.run(place.fill(100))
    fork = Place(tmp_path / "fork", place.key, place.vkey)
    shutil.copytree(place.path, fork.path)
    asyncio.run(place.fill(50))
    asyncio.run(fork.fill(60))
    log_key = Verifier.decode(place.vkey)
    officers[0].cosign(request(place.path, log_key, 0))
    before = officers[0].state.read_bytes()
    with pytest.raises(WitnessError, match="rewritten or split"):
        officers[0].cosign(request(fork.path, log_key, 150))
    assert officers[0].state.read_bytes() == before
    with pytest.raises(WitnessError, match="not of this log's history"):
        accept(fork.path, before, log_key, [officers[0].signer.verifier])


def test_a_witness_refuses_what_it_cannot_check(place: Place, officers: list[Officer]) -> None:
    asyncio.run(place.fill(10))
    log_key = Verifier.decode(place.vkey)
    good = request(place.path, log_key, 0)
    officers[0].cosign(good)
    asyncio.run(place.fill(10))
    with pytest.raises(WitnessError, match="you last saw 10"):
        officers[0].cosign(request(place.path, log_key, 0))
    asked = request(place.path, log_key, 10)
    with pytest.raises(WitnessError, match="rewritten"):
        officers[0].cosign(CosigningRequest(10, asked.proof[:-1], asked.checkpoint))
    with pytest.raises(ApplianceError):
        officers[0].cosign(CosigningRequest(10, asked.proof, asked.checkpoint.replace(b"\n20\n", b"\n21\n")))
    for junk in (b"", b"old 1", b"old -1\n\n", b"old 1\nAAAA\n\nx", b"old 01\n\nx"):
        with pytest.raises(WitnessError, match="not a request"):
            CosigningRequest.decode(junk)


def test_cosignatures_of_strangers_are_not_kept(place: Place, officers: list[Officer]) -> None:
    asyncio.run(place.fill(10))
    log_key = Verifier.decode(place.vkey)
    asked = request(place.path, log_key, 0)
    with pytest.raises(WitnessError, match="no witness of the policy"):
        accept(place.path, officers[0].cosign(asked), log_key, [officers[1].signer.verifier])
    note = Note.decode(officers[1].cosign(asked))
    forged = Note(note.text, (note.signatures[0], Signer.generate("issm", COSIGNATURE).sign(note.text, 1)))
    with pytest.raises(WitnessError, match="no witness of the policy"):
        accept(place.path, forged.encode(), log_key, [officers[1].signer.verifier])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("log ", "lag "), "line 2"),
        (("group officers 2", "group officers 4"), "line 6"),
        (("group officers 2", "group officers 0"), "line 6"),
        (("isso issm alternate", "isso isso alternate"), "line 6"),
        (("isso issm alternate", "isso issm nobody"), "line 6"),
        (("quorum officers", "quorum others"), "line 7"),
        (("quorum officers", ""), "no quorum"),
        (("witness issm", "witness isso"), "line 4"),
    ],
)
def test_a_malformed_policy_is_refused_by_line(
    place: Place, officers: list[Officer], change: tuple[str, str], problem: str
) -> None:
    with pytest.raises(PolicyError, match=problem):
        Policy.decode(policy_text(place, officers).replace(*change))


def test_a_review_names_what_deserves_a_word(place: Place) -> None:
    scope = events.Scope(label="S;;GBR,USA", enclave="secret")
    low = events.Scope(label="U;;*", enclave="low")
    denied = events.Verdict(allowed=False, rule="dominance", policy="a" * 64)
    call = events.Call(method="GET", path="/x", action="read")
    found = [
        events.activity(low, "analyst", "task.read"),
        events.activity(low, "analyst", "task.read"),
        events.decision(scope, "annotator", call, denied),
        events.decision(scope, "annotator", call, denied),
        events.activity(scope, "analyst", "records.export"),
        events.activity(low, "host", "spool.gap", detail={"problem": "line 4"}),
        events.configuration(
            low,
            "host",
            "load",
            events.Entity(kind="policy", name="access"),
            events.Verdict(allowed=True, rule="signed"),
        ),
    ]

    async def write() -> None:
        log = place.open()
        await log.append([event.record() for event in found])
        await log.close()

    asyncio.run(write())
    made = review(place.path, 1, 7)
    assert [(one.kind, one.count, one.first) for one in made.findings] == [
        ("gap", 1, 5),
        ("denials", 2, 2),
        ("new subject", 1, 2),
        ("new subject", 1, 5),
        ("export", 1, 4),
        ("change", 1, 6),
    ]
    assert (made.label, made.decisions) == ("S;;GBR,USA", {"recorded": 3, "denied": 2, "allowed": 1})
    assert bodies.find(place.path, 2).label == "S;;GBR,USA"


SECRET = "correct horse battery staple"


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(f"{SECRET}\n")
    return file


def test_a_cosigning_key_is_written_encrypted_and_opens_with_its_passphrase_alone(
    tmp_path: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPLIANCE_PASSPHRASE", raising=False)
    out = tmp_path / "isso.key"
    refused = RUNNER.invoke(app, ["audit", "witness", "isso", "--out", str(out)])
    assert "no passphrase for the new keys" in str(refused.exception)
    assert not out.exists()
    made = RUNNER.invoke(app, ["audit", "witness", "isso", "--out", str(out), "--passphrase-file", str(passphrase)])
    assert made.exit_code == 0, made.output
    text = out.read_text()
    assert "-----BEGIN ENCRYPTED PRIVATE KEY-----" in text
    assert "PRIVATE+KEY" not in text
    assert out.stat().st_mode & 0o777 == 0o600
    opened = key_file.read(out, lambda _: SECRET.encode())
    assert made.output.strip() == f"witness isso {opened.verifier.encode()}"
    for wrong in (b"", b"wrong", SECRET.encode() + b" "):
        with pytest.raises(ApplianceError, match="cannot be opened with this passphrase"):
            key_file.read(out, lambda _, wrong=wrong: wrong)  # type: ignore[misc]
    again = RUNNER.invoke(app, ["audit", "witness", "isso", "--out", str(out), "--passphrase-file", str(passphrase)])
    assert "exists" in str(again.exception)
    assert out.read_text() == text


@pytest.mark.parametrize("content", [b"", b"hello", b"Holder: isso\n-----BEGIN PRIVATE KEY-----\n", b"\xff" * 100])
def test_what_is_no_cosigning_key_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ApplianceError, match="not a cosigning key"):
        key_file.read(tmp_path / "key", lambda _: b"")


def test_a_key_of_an_earlier_release_still_cosigns(tmp_path: Path) -> None:
    signer = Signer.generate("isso", COSIGNATURE)
    (tmp_path / "key").write_text(signer.encode() + "\n")
    assert key_file.read(tmp_path / "key", lambda _: b"").verifier == signer.verifier
    assert not key_file.is_encrypted(tmp_path / "key")


def test_the_weekly_review_by_command(place: Place, tmp_path: Path, passphrase: Path) -> None:
    """Host and officer's machine in turn, as `docs/officer.md` has it."""
    secret = ("--passphrase-file", passphrase)

    async def write() -> None:
        log = Log.open(place.path, place.key)
        made = events.activity(events.Scope(label="U;;*"), "analyst", "records.export")
        await log.append([made.model_copy(update={"time": int(time.time() - 8 * 24 * 3600) * 1000}).record()])
        await log.close()

    def audit(*arguments: str | Path, code: int = 0) -> str:
        result = RUNNER.invoke(app, ["audit", *(str(argument) for argument in arguments)])
        assert result.exit_code == code, result.output
        return result.output

    asyncio.run(write())
    paper, stick, policy = tmp_path / "log.vkey", tmp_path / "stick", tmp_path / "policy"
    paper.write_text(place.vkey)
    lines = [audit("witness", name, "--out", tmp_path / name, *secret) for name in ("isso", "issm")]
    policy.write_text(f"log {place.vkey}\n{''.join(lines)}group both all isso issm\nquorum both\n")
    folder = tmp_path / "spool"
    assert "OVERDUE" in audit("review", "--log", place.path, "--policy", policy)
    notes = tmp_path / "notes.json"
    notes.write_text('{"F1": "the analyst joined on Monday", "F2": "asked for by the ISSM"}')
    audit("review", "--log", place.path, "--policy", policy, "--notes", notes, "--officer", "isso", "--spool", folder)
    for name in ("isso", "issm"):
        audit("request", "--log", place.path, "--key", paper, "--out", stick)
        state, done = tmp_path / f"{name}.state", tmp_path / f"{name}.cosigned"
        audit("cosign", stick, "--log-key", paper, "--key", tmp_path / name, "--state", state, "--out", done, *secret)
        said = audit("accept", done, "--log", place.path, "--policy", policy, "--spool", folder)
        assert ("not reached yet" in said) == (name == "isso")
    assert "OVERDUE" not in audit("review", "--log", place.path, "--policy", policy)
    recorded = [json.loads(line)["event"] for line in (folder / spool.FILE).read_bytes().splitlines()]
    assert [event["api"]["operation"] for event in recorded] == ["review.finish", "review.cosign", "review.cosign"]
    assert recorded[0]["unmapped"]["detail"]["notes"]["F2"] == "asked for by the ISSM"
    last = last_review(place.path, Policy.decode(policy.read_text()))
    assert last is not None
    assert abs(last.cosigned["isso"] - time.time()) < 60


def test_a_note_stays_with_its_finding_while_the_log_grows(place: Place, tmp_path: Path) -> None:
    def write(*subjects: str) -> None:
        async def append() -> None:
            log = place.open()
            await log.append(
                [events.activity(events.Scope(label="U;;*"), one, "records.export").record() for one in subjects]
            )
            await log.close()

        asyncio.run(append())

    def review(*words: str | Path) -> Result:
        where = ("--log", place.path, "--policy", policy, "--spool", tmp_path / "spool")
        return RUNNER.invoke(app, ["audit", "review", *map(str, (*where, *words))])

    policy, notes = tmp_path / "policy", tmp_path / "notes.json"
    policy.write_text(f"log {place.vkey}\nquorum none\n")
    write("mallory")
    seen = json.loads(review("--json").output)
    notes.write_text(json.dumps({one["id"]: f"about {one['text']}" for one in seen["findings"]}))
    write("alice", "bob")
    said = ("--notes", notes, "--officer", "isso")
    assert review(*said).exit_code == 1, "findings have come that nobody wrote a note on"
    assert review(*said, "--end", str(seen["end"])).exit_code == 0
    event = json.loads((tmp_path / "spool" / spool.FILE).read_bytes().splitlines()[0])["event"]
    assert event["unmapped"]["detail"]["end"] == seen["end"]
    assert review(*said, "--end", "999").exit_code == 2


def test_unreviewed_break_glass_blocks_request_and_cosignature(place: Place, tmp_path: Path) -> None:
    policy, key = tmp_path / "policy", tmp_path / "log.vkey"
    key.write_text(place.vkey)
    officer = Officer("isso", place, tmp_path)
    policy.write_text(f"log {place.vkey}\nwitness isso {officer.signer.verifier.encode()}\nquorum isso\n")
    scope = events.Scope(label="TS;;USA")

    async def write(*made: Event) -> None:
        log = place.open()
        await log.append([event.record() for event in made])
        await log.close()

    asyncio.run(write(events.activity(scope, "host", "break-glass.start", detail={"id": "fire"})))
    cosigned = tmp_path / "cosigned"
    cosigned.write_bytes(officer.cosign(request(place.path, Verifier.decode(place.vkey), 0)))
    ask = ["audit", "request", "--key", str(key), "--out", str(tmp_path / "r"), "--log", str(place.path)]
    take = ["audit", "accept", str(cosigned), "--policy", str(policy), "--log", str(place.path)]
    take += ["--spool", str(tmp_path / "spool")]
    for command in (ask, take):
        assert "break-glass was used and not reviewed" in str(RUNNER.invoke(app, command).exception)
    asyncio.run(write(events.activity(scope, "isso", "review.finish", detail={"start": 0, "end": 0})))
    assert "not reviewed" in str(RUNNER.invoke(app, ask).exception)
    asyncio.run(write(events.activity(scope, "isso", "review.finish", detail={"start": 0, "end": 1})))
    assert RUNNER.invoke(app, ask).exit_code == 0
