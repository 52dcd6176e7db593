"""An archive of evidence convinces on its own, and a changed one does not."""

import asyncio
import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from appliance.audit.events import kinds as events
from appliance.audit.events import ocsf
from appliance.audit.events.kinds import Call, Scope, Verdict
from appliance.audit.log import bodies
from appliance.audit.log.policy import Policy
from appliance.audit.log.tiles import LogError
from appliance.audit.log.writer import Log
from appliance.audit.review import evidence
from appliance.audit.review.evidence import Selection
from appliance.audit.review.query import Filter
from appliance.cli.main import app
from tests.unit.audit.conftest import Place
from tests.unit.audit.second import signed_checkpoint
from tests.unit.audit.second_evidence import holds_evidence, root_beside

RUNNER = CliRunner()
ACCESS = b"the access policy"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:

    folder = tmp_path_factory.mktemp("evidence")
    place = Place(folder / "log", folder / "key", Log.create(folder / "log", folder / "key", "site.example/audit"))
    policy = "sha256:" + hashlib.sha256(ACCESS).hexdigest()

    async def write() -> None:
        log = place.open()
        made = []
        for number in range(600):
            label = ("U;;*", "S;;GBR,USA")[number % 2]
            verdict = Verdict(allowed=number % 3 > 0, rule="dominance", policy=policy, reason="<b>why</b>")
            call = Call(method="GET", path=f"/labeling/{number}", action="read")
            made.append(events.decision(Scope(label=label, enclave="e"), f"subject-{number % 5}", call, verdict))
        await log.append([event.record() for event in made])
        await log.close()

    asyncio.run(write())
    (folder / "access").write_bytes(ACCESS)
    return place


def policy(place: Place) -> Policy:
    return Policy.decode(f"log {place.vkey}\nquorum none\n")


def archive(place: Place, out: Path, wanted: Filter, first: int = 0, end: int = 600) -> Path:
    stretch = range(first, end)
    records = [bodies.find(place.path, index) for index in stretch]
    records = [record for record in records if wanted.admits(ocsf.read(record.body), record.body)]
    checkpoint = (place.path / "checkpoint").read_bytes()
    selection = Selection(wanted=wanted, first=first, end=end)
    included = [ACCESS] if records else []
    out.write_bytes(evidence.archive(place.path, checkpoint, records, selection, included))
    return out


def rewritten(source: Path, out: Path, change: Callable[[Files], None]) -> Path:
    with zipfile.ZipFile(source) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    with zipfile.ZipFile(out, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    return out


def test_a_stretch_of_the_log_is_proven_complete(filled: Place, tmp_path: Path) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(), 100, 130)
    report = evidence.check(made, policy(filled))
    assert (report.findings, report.records, report.complete, report.size) == ([], 30, True, 600)
    assert len(report.policies) == 1


def test_a_choice_is_proven_and_says_that_others_exist(filled: Place, tmp_path: Path) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(decision="denied", subject="subject-3"), 0, 300)
    report = evidence.check(made, policy(filled))
    assert (report.findings, report.records, report.complete) == ([], 20, False)
    assert "others exist" in zipfile.ZipFile(made).read("index.html").decode()


def test_the_page_is_marked_with_the_join_and_has_no_markup_of_others(filled: Place, tmp_path: Path) -> None:
    page = zipfile.ZipFile(archive(filled, tmp_path / "e.zip", Filter(), 0, 10)).read("index.html").decode()
    assert page.count(">SECRET//REL TO USA, GBR</div>") == 2
    assert "<b>why" not in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")


@given(st.integers(0, 2**32))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_choice_of_records_is_provable(filled: Place, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a choice, not a secret
    chosen = sorted(chance.sample(range(600), chance.choice([0, 1, 2, 40])))
    records = [bodies.find(filled.path, index) for index in chosen]
    checkpoint = (filled.path / "checkpoint").read_bytes()
    out = tmp_path / "e.zip"
    selection = Selection(wanted=Filter(text=""), first=0, end=600)
    out.write_bytes(evidence.archive(filled.path, checkpoint, records, selection))
    assert evidence.check(out, policy(filled)).findings == []
    packed = {name: zipfile.ZipFile(out).read(name) for name in ("checkpoint", "proof.json")}
    size, root = signed_checkpoint(packed["checkpoint"], filled.vkey)
    assert root_beside(**json.loads(packed["proof.json"]), size=size) == root


def edit(name: str, old: bytes, new: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


def drop_record(files: Files) -> None:
    """Take a record out of everything that an archive's maker writes."""
    files["records.jsonl"] = b"".join(files["records.jsonl"].splitlines(keepends=True)[1:])
    proof = json.loads(files["proof.json"])
    files["proof.json"] = json.dumps(
        proof | {"indices": proof["indices"][1:], "entries": proof["entries"][1:]}
    ).encode()


def swap(files: Files) -> None:
    first, second, *rest = files["records.jsonl"].splitlines(keepends=True)
    files["records.jsonl"] = b"".join([second, first, *rest])


def add_policy(files: Files) -> None:
    files["policies/" + "0" * 64] = b"another policy"


CHANGES: dict[str, tuple[Callable[[Files], None], str]] = {
    "an event": (
        edit("records.jsonl", b"/labeling/104", b"/labeling/904"),
        "record 104: not what the log committed to",
    ),
    "a salt": (edit("records.jsonl", b'"salt":"', b'"salt":"0'), "record 100"),
    "a record left out": (
        lambda files: files.update({"records.jsonl": files["records.jsonl"].split(b"\n", 1)[1]}),
        "rec",
    ),
    "a record left out everywhere": (drop_record, "do not lead to the root"),
    "records swapped": (swap, "record 101: not what"),
    "an entry": (edit("proof.json", b'"entries":["', b'"entries":["00'), "do not lead"),
    "an index": (edit("proof.json", b"[100,", b"[99,"), "do not lead"),
    "the proof's hashes": (edit("proof.json", b'"hashes":["', b'"hashes":["00'), "do not lead"),
    "the range": (edit("selection.json", b'"first":100', b'"first":99'), "records of the stretch are missing"),
    "the filter": (edit("selection.json", b'"decision":null', b'"decision":"denied"'), "asked for"),
    "the checkpoint": (edit("checkpoint", b"\n600\n", b"\n601\n"), "does not hold"),
    "the page": (edit("index.html", b"subject-1", b"subject-2"), "not the page"),
    "a policy": (add_policy, "its digest is"),
}
PAGE = {"the page"}  # the second verifier cannot make it again


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_archive_is_refused_and_the_change_named(filled: Place, tmp_path: Path, kind: str) -> None:
    change, problem = CHANGES[kind]
    made = archive(filled, tmp_path / "e.zip", Filter(), 100, 110)
    report = evidence.check(rewritten(made, tmp_path / "changed.zip", change), policy(filled))
    assert any(problem in finding for finding in report.findings), report.findings


@pytest.mark.parametrize("kind", sorted(CHANGES.keys() - PAGE))
def test_a_second_verifier_refuses_every_changed_archive(filled: Place, tmp_path: Path, kind: str) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(), 100, 110)
    assert holds_evidence(made, filled.vkey)
    assert not holds_evidence(rewritten(made, tmp_path / "changed.zip", CHANGES[kind][0]), filled.vkey)


def test_a_second_verifier_agrees_on_choices_and_on_whose_log_it_is(
    filled: Place, place: Place, tmp_path: Path
) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(decision="denied", subject="subject-3"), 0, 300)
    assert holds_evidence(made, filled.vkey)
    assert not holds_evidence(made, place.vkey)


def test_what_is_no_archive_is_refused(filled: Place, tmp_path: Path) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(), 0, 5)
    (tmp_path / "junk").write_bytes(b"PK junk")
    bad = [tmp_path / "junk"]
    bad.append(rewritten(made, tmp_path / "extra", lambda files: files.update({"../evil": b""})))
    bad.append(rewritten(made, tmp_path / "missing", lambda files: files.__delitem__("proof.json")))
    for file in bad:
        with pytest.raises(LogError):
            evidence.check(file, policy(filled))


def test_a_byte_that_spoils_the_compression_is_a_refusal(filled: Place, tmp_path: Path) -> None:
    data = archive(filled, tmp_path / "e.zip", Filter(), 0, 5).read_bytes()
    refused = []
    for at in range(30, len(data) - 300, 61):
        (tmp_path / "flipped.zip").write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            evidence.check(tmp_path / "flipped.zip", policy(filled))
        except LogError as error:
            refused.append(error.message)
    assert any("decompress" in message for message in refused)


def test_the_policy_decides_whose_archive_it_is(filled: Place, place: Place, tmp_path: Path) -> None:
    made = archive(filled, tmp_path / "e.zip", Filter(), 0, 5)
    assert evidence.check(made, policy(place)).findings != []


def test_export_and_verify_by_command(filled: Place, tmp_path: Path) -> None:
    def audit(*arguments: str | Path) -> tuple[int, str]:
        result = RUNNER.invoke(app, ["audit", *(str(argument) for argument in arguments)])
        return result.exit_code, result.output

    key, rules, out = tmp_path / "vkey", tmp_path / "policy", tmp_path / "evidence.zip"
    key.write_text(filled.vkey)
    rules.write_text(f"log {filled.vkey}\nquorum none\n")
    code, output = audit(
        "export", out, "--key", key, "--log", filled.path, "--decision", "denied", "--end", "30",
        "--include", filled.path.parent / "access", "--spool", tmp_path / "spool", "--officer", "isso",
    )  # fmt: skip
    assert (code, "10 records" in output) == (0, True), output
    recorded = json.loads((tmp_path / "spool" / "spool.jsonl").read_bytes())["event"]
    assert (recorded["actor"]["user"]["name"], recorded["api"]["operation"]) == ("isso", "evidence.export")
    assert recorded["label"] == "S;;GBR,USA"
    assert audit("verify", out, "--policy", rules)[0] == 0
    rewritten(out, tmp_path / "changed.zip", edit("records.jsonl", b"/labeling/3", b"/labeling/9"))
    code, output = audit("verify", tmp_path / "changed.zip", "--policy", rules)
    assert (code, "record 3: not what the log committed to" in output) == (1, True)
    assert json.loads(audit("verify", out, "--policy", rules, "--json")[1])["records"] == 10
