"""A pack: the same bytes for the same inputs, whole on another machine, and every change to it named."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.events.marked import joined
from appliance.audit.log.note import Signer
from appliance.audit.log.policy import Policy
from appliance.errors import ApplianceError
from appliance.host.report.evidence import archive
from appliance.host.report.evidence.archive import MANIFEST, SIGNED, File
from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.build import build
from appliance.host.report.evidence.controls import FILE, State, Table
from appliance.host.report.evidence.derived import ASSESSMENT, documents, encode, is_derived
from appliance.host.report.evidence.oscal import schema
from appliance.host.report.evidence.poam import COLUMNS
from appliance.host.report.evidence.verify import verify
from appliance.trust.keys import generate
from tests.unit.evidence.conftest import Packed
from tests.unit.evidence.site import TABLE

RESULTS, POAM, SSP = "oscal/assessment-results.json", "oscal/poam.json", "oscal/ssp.json"


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def signed(packed: Packed, files: dict[str, bytes], seen: Assessment | None = None) -> bytes:
    """What somebody with the host's own key could make of ``files``."""
    kept = {name: File(data, packed.seen.label) for name, data in files.items() if name not in (MANIFEST, SIGNED)}
    return archive.write(kept, seen or packed.seen, packed.looked.key)


def remade(packed: Packed, seen: Assessment, table: Table | None = None) -> bytes:
    """A pack that somebody with the host's own key made anew from another assessment."""
    own = {name: data for name, data in files_of(packed.data).items() if not is_derived(name)}
    own = {name: data for name, data in own.items() if name not in (MANIFEST, SIGNED)}
    own[ASSESSMENT] = encode(seen.model_dump(mode="json"))
    return signed(packed, own | documents(own, table or packed.table, seen), seen)


def test_it_is_whole_and_the_same_again(packed: Packed) -> None:
    again, _, _ = build(packed.looked, {FILE: TABLE, "site/plan.txt": b"owners and dates"})
    assert again == packed.data
    report = packed.verified(packed.data)
    assert report.findings == []
    assert report.site == "demonstration"
    assert report.states == packed.seen.counts(packed.table)
    assert report.notes == [f"the officers' quorum cosigned 0 of the {packed.looked.log.size} records"]


def test_it_has_what_an_accreditor_asks_for(packed: Packed) -> None:
    names = set(files_of(packed.data))
    oscal = {"component-definition", "profile", "ssp", "assessment-plan", "assessment-results", "poam"}
    assert {f"oscal/{name}.json" for name in oscal} | {"index.html", "poam.csv", MANIFEST, SIGNED, FILE} <= names
    assert {"evidence/fsck.json", "evidence/statements/site.dsse.json", "evidence/records/refusal.zip"} <= names
    assert not [name for name in names if name.startswith("cklb/")], "without a site's benchmark there is no checklist"


def test_it_is_marked_with_the_join_of_what_is_in_it(packed: Packed) -> None:
    manifest = json.loads(files_of(packed.data)[MANIFEST])
    assert manifest["label"] == joined(entry["label"] for entry in manifest["files"]).encode()
    page = files_of(packed.data)["index.html"].decode()
    assert page.count(f">{packed.seen.marking}<") == 2
    assert "DEMO" in page
    assert not [link for link in re.findall(r'(?:href|src)="([^"]+)"', page) if ":" in link], "it opens offline"
    with pytest.raises(ApplianceError, match="its files are not"):
        archive.write({"a": File(b"", "TS;SI;USA")}, packed.seen, packed.looked.key)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_changed_byte_of_any_file_is_named(packed: Packed) -> None:
    with zipfile.ZipFile(io.BytesIO(packed.data)) as found:
        for entry in found.infolist():
            middle = entry.header_offset + 30 + len(entry.filename) + entry.file_size // 2
            findings = packed.verified(flip(packed.data, middle)).findings
            assert any(entry.filename in text for text in findings), entry.filename


def test_a_changed_byte_beside_the_files_is_found(packed: Packed) -> None:
    end = packed.data.index(b"PK\x01\x02")
    places = [4, 6, 10, 12, 14, 18, 26, end + 4, end + 8, end + 12, end + 38, end + 42, len(packed.data) - 6]
    assert [at for at in places if not refused(packed, flip(packed.data, at))] == []
    for data in (packed.data + b"\0", b"\0" + packed.data):
        assert refused(packed, data) == ["the archive: bytes beside its files differ from how a pack is written"]


def refused(packed: Packed, data: bytes) -> list[str]:
    try:
        return packed.verified(data).findings
    except ApplianceError as error:
        return [error.message]


@pytest.mark.parametrize("name", [MANIFEST, SIGNED, FILE, ASSESSMENT, RESULTS, "evidence/fsck.json", "index.html"])
def test_a_file_that_is_missing_or_was_added_is_named(packed: Packed, name: str) -> None:
    files = files_of(packed.data)
    missing = packed.verified(archive.pack({one: data for one, data in files.items() if one != name})).findings
    assert any(name in text for text in missing)
    added = packed.verified(archive.pack(files | {f"{name}.txt": b"more"})).findings
    assert any(f"{name}.txt: the host did not sign it" in text for text in added)


def test_another_hosts_key_and_another_log_are_refused(packed: Packed) -> None:
    file = packed.folder / "other.zip"
    file.write_bytes(packed.data)
    strange = verify(file, generate("host").public, packed.policy).findings
    assert any("is of no known person" in text for text in strange)
    stranger = Signer.generate("other/audit").verifier.encode()
    other = Policy.decode(f"log {stranger}\nquorum none\n")
    assert any("evidence/log/checkpoint" in text for text in verify(file, packed.looked.key.public, other).findings)


@pytest.mark.parametrize("name", ["oscal/ssp.json", "oscal/poam.json", RESULTS, "poam.csv", "index.html"])
def test_a_document_that_does_not_follow_is_named_even_with_the_hosts_signature(packed: Packed, name: str) -> None:
    files = files_of(packed.data)
    better = files[name].replace(b"not satisfied", b"satisfied").replace(b"demonstration", b"another site")
    assert better != files[name]
    findings = packed.verified(signed(packed, files | {name: better})).findings
    assert f"{name}: does not follow from what was found" in findings


def test_a_check_that_was_left_out_is_a_finding_and_never_silence(packed: Packed) -> None:
    kept = tuple(one for one in packed.seen.outcomes if one.check != "anchor")
    seen = packed.seen.model_copy(update={"outcomes": kept})
    report = packed.verified(remade(packed, seen))
    assert report.findings == ["assessment.json: says nothing of the check 'anchor', which AU-9(2) rest on"]
    anchored = next(control for control in packed.table.controls if control.id == "AU-9(2)")
    assert seen.state(anchored) is State.NOT_TESTED


def test_a_case_of_another_log_is_named(packed: Packed) -> None:
    files = files_of(packed.data)
    case = files["evidence/records/refusal.zip"]
    findings = packed.verified(
        signed(packed, files | {"evidence/records/refusal.zip": flip(case, len(case) // 2)})
    ).findings
    assert any(text.startswith("evidence/records/refusal.zip") for text in findings)


def documents_of(packed: Packed) -> dict[str, Any]:
    files = files_of(packed.data)
    return {name: json.loads(data) for name, data in files.items() if name.startswith("oscal/")}


def test_the_documents_keep_nists_schema(packed: Packed) -> None:
    found = documents_of(packed)
    assert {name: schema.problem(document) for name, document in found.items()} == dict.fromkeys(found, "")
    found[SSP]["system-security-plan"]["metadata"].pop("title")
    assert "title" in schema.problem(found[SSP]) or schema.problem(found[SSP])


def no_observation(value: Any) -> None:
    value["assessment-results"]["results"][0]["observations"].pop(0)


def no_part(value: Any) -> None:
    value["system-security-plan"]["system-implementation"]["components"].pop()


def no_profile(value: Any) -> None:
    value["system-security-plan"]["import-profile"]["href"] = "elsewhere.json"


@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        (RESULTS, no_observation, "observation-uuid"),
        (SSP, no_part, "component-uuid"),
        (SSP, no_profile, "elsewhere.json is not in the pack"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(
    packed: Packed, name: str, change: Callable[[Any], None], named: str
) -> None:
    files = files_of(packed.data)
    value = json.loads(files[name])
    change(value)
    findings = packed.verified(signed(packed, files | {name: encode(value)})).findings
    assert any(text.startswith(name) and named in text for text in findings)


def test_the_three_states_are_kept_apart_everywhere(packed: Packed) -> None:
    counts = packed.seen.counts(packed.table)
    assert all(counts.values()), "this host shows all three"
    found = documents_of(packed)
    findings = found[RESULTS]["assessment-results"]["results"][0]["findings"]
    said = [
        (one["props"][0]["value"], one["target"]["status"]["state"], one["target"]["status"]["reason"])
        for one in findings
    ]
    as_oscal = {
        State.SATISFIED: ("satisfied", "pass"),
        State.NOT_SATISFIED: ("not-satisfied", "fail"),
        State.NOT_TESTED: ("not-satisfied", "other"),
    }
    for state, number in counts.items():
        assert said.count((state.value, *as_oscal[state])) == number
    items = found[POAM]["plan-of-action-and-milestones"]["poam-items"]
    assert len(items) == len(packed.table.controls) - counts[State.SATISFIED]
    rows = list(csv.DictReader(io.StringIO(files_of(packed.data)["poam.csv"].decode())))
    assert tuple(rows[0]) == COLUMNS
    comments = [row["Comments"] for row in rows]
    assert {state: comments.count(state.value) for state in State} == counts | {State.SATISFIED: 0}


def test_a_cell_is_no_formula(packed: Packed) -> None:
    worse = packed.seen.outcomes[0].model_copy(update={"state": State.NOT_SATISFIED, "found": "=HYPERLINK(1)"})
    seen = packed.seen.model_copy(update={"outcomes": (worse, *packed.seen.outcomes[1:])})
    own = {name: data for name, data in files_of(packed.data).items() if not is_derived(name)}
    assert ",'=HYPERLINK(1)," in documents(own, packed.table, seen)["poam.csv"].decode()


def test_what_a_sites_profile_demands_and_nobody_states_is_not_tested(packed: Packed) -> None:
    own = json.loads(files_of(packed.data)["oscal/profile.json"])
    own["profile"]["imports"][0]["include-controls"][0]["with-ids"] += ["pe-17"]
    data, seen, table = build(packed.looked, {FILE: TABLE, "site/profile.json": encode(own)})
    assert seen.unstated(table) == ["pe-17"]
    assert packed.verified(data).findings == []
    results = json.loads(files_of(data)[RESULTS])["assessment-results"]["results"][0]
    assert results["findings"][-1]["target"]["target-id"] == "pe-17_smt"
    assert results["findings"][-1]["props"][0]["value"] == "not tested"
    with pytest.raises(ApplianceError, match="profile"):
        build(packed.looked, {FILE: TABLE, "site/profile.json": b'{"profile": {"imports": []}}'})


def test_a_sites_benchmark_gives_a_checklist_in_which_the_worst_counts(packed: Packed) -> None:
    benchmark = (Path(__file__).parent / "benchmark.xml").read_bytes()
    data, seen, table = build(packed.looked, {FILE: TABLE, "site/benchmark.xml": benchmark})
    assert packed.verified(data).findings == []
    assert {rule["status"] for rule in json.loads(files_of(data)["cklb/checklist.cklb"])["stigs"][0]["rules"]} == {
        "not_reviewed"
    }, "systemd does not run this host, so nothing was looked at"
    control = {"id": "x", "title": "t", "found": "f", "justification": ""}
    said = {
        "controls": [
            control | {"source": "A R9; SRG-OS-000132-GPOS-00067", "state": "holds"},
            control | {"source": "SRG-OS-000132-GPOS-00067", "state": "fails"},
            control | {"source": "SRG-OS-000324-GPOS-00125", "state": "holds"},
        ]
    }
    own = {name: data for name, data in files_of(data).items() if not is_derived(name)}
    made = documents(own | {"evidence/verify.json": encode(said)}, table, seen)["cklb/checklist.cklb"]
    rules = json.loads(made)["stigs"][0]["rules"]
    assert [rule["status"] for rule in rules] == ["open", "not_a_finding", "not_reviewed"]
    assert rules[0]["ccis"] == ["CCI-001082"]
    with pytest.raises(ApplianceError, match="benchmark"):
        build(packed.looked, {FILE: TABLE, "site/benchmark.xml": b"<!DOCTYPE x><Benchmark/>"})
