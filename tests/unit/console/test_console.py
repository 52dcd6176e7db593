"""The officer's page shows what the log has, to whom it may be shown, and nothing else."""

import asyncio
import base64
import hashlib
import io
import json
import re
import time
import zipfile
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape

from appliance.audit.log.bodies import Record
from appliance.audit.log.merkle import leaf_hash, verify_inclusion
from appliance.audit.log.note import COSIGNATURE, Signer, Verifier, open_checkpoint
from appliance.audit.log.policy import Policy
from appliance.audit.log.witness import accept, cosign, request
from appliance.audit.review import evidence
from appliance.audit.review import summary as reviews
from appliance.contract.calendar import FILE, Entry, Kind, Terms, judge
from images.console.app.words import REFUSALS
from tests.unit.console.conftest import MARKUP, REQUEST, Officer
from tests.unit.console.site import HIGH, LOW, Site, decided, headers
from tests.unit.service.support import Monitor

PAGES = [
    "/console/",
    "/console/?range=all&text=export",
    "/console/events/133",
    "/console/events/134",
    "/console/review",
    "/console/review/history",
    "/console/health-of-log",
    "/console/calendar",
]
LOW_OFFICER = {"level": "S", "need": (), "nationalities": ("USA",)}
OUR_SCRIPTS = (
    {"src": "/console/vendor/htmx.min.js", "defer": None},
    {"type": "module", "src": "/console/static/header.js"},
    {"type": "module", "src": "/console/assets/review.js"},
)


def listed(page: str) -> list[int]:
    """The indices of the records in a list."""
    return [int(number) for number in re.findall(r'<a class="what" href="/console/events/(\d+)"', page)]


class Elements(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("page", PAGES)
def test_only_officers_find_anything(officer: Officer, page: str) -> None:
    assert officer.get(page)[0] == 200
    for roles in ((), ("analyst",), ("Officer",)):
        assert officer.get(page, roles=roles)[0] == 404
    assert officer.client.get(page).status_code == 403


def test_the_newest_come_first_and_older_pages_follow_without_gap(officer: Officer) -> None:
    url, seen = "/console/?range=all", list[int]()
    while url:
        page = officer.page(url)
        seen += listed(page)
        older = re.search(r'<a class="button" href="([^"]*before=[^"]*)"', page)
        url = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(134, -1, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("subject=analyst", [132, 130]),
        ("decision=denied", [133, 132, 131]),
        ("rule=no-write-down", [132]),
        ("enclave=secret", [131, 130]),
        ("label=S%3B%3BGBR%2CUSA&decision=allowed", [130]),
        ("activity=records.export", [134]),
        ("text=abacus", [130]),
        ("text=abac", [130]),
        ("text=ABACUS+labeling", [130]),
        ("text=abacus+annotator", []),
        ("text=clearance+too", [131]),
        (f"text={REQUEST}", [133, 130]),
        ("subject=nobody", []),
        ("text=%22%29+OR+%28facets+%3A+s1", []),
        ("until=2020-01-01T00:00", []),
        ("since=2020-01-01T00:00&subject=analyst", [132, 130]),
        ("since=nonsense&before=nonsense&range=nonsense&subject=analyst", [132, 130]),
    ],
)
def test_filters(officer: Officer, query: str, expected: list[int]) -> None:
    assert listed(officer.page(f"/console/?{query}")) == expected


def test_an_officer_sees_only_what_their_clearance_dominates(officer: Officer) -> None:
    page = officer.page("/console/?range=all", **LOW_OFFICER)
    assert listed(page)[:3] == [132, 131, 130]
    assert page.count("withheld: your clearance") == 2
    for query in ("activity=records.export", "text=export", "text=script", "subject=officer"):
        page = officer.page(f"/console/?range=all&{query}", **LOW_OFFICER)
        assert (listed(page), "withheld: your" in page, "records.export</option>" in page) == ([], False, False)
    for path in ("", "/record.json", "/record.tlog-proof"):
        assert officer.get(f"/console/events/134{path}", **LOW_OFFICER)[0] == 404
        assert officer.get(f"/console/events/134{path}")[0] == 200
    foreign = {"level": "TS", "need": ("SI",), "nationalities": ("FRA",)}
    assert {131, 130, 133, 134}.isdisjoint(listed(officer.page("/console/?range=all", **foreign)))


@pytest.mark.parametrize("page", PAGES)
def test_what_people_wrote_is_never_markup(officer: Officer, page: str) -> None:
    text = officer.page(page)
    assert "<script>alert" not in text
    assert ">49<" not in text
    for tag, attributes in Elements(text).found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "style"
        assert tag != "script" or attributes in OUR_SCRIPTS
        for name in ("href", "src", "action", "hx-get"):
            value = attributes.get(name)
            assert value in (None, "/") or value.startswith(("/console/", "#main", "data:,", "/session")), value


def test_strange_names_can_be_filtered_by(officer: Officer) -> None:
    links = [dict(a).get("href") or "" for tag, a in Elements(officer.page("/console/?range=all")).found if tag == "a"]
    subject = next(link for link in links if "script" in link and "subject=" in link)
    assert listed(officer.page(subject)) == [133]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_carries_its_marking_top_and_bottom(officer: Officer, page: str) -> None:
    answer = officer.client.get(page, headers=headers(page))
    assert answer.headers["x-classification"] == "TOP SECRET//SI//NOFORN"
    assert answer.text.count('aria-label="Classification">TOP SECRET//SI//NOFORN<') == 2
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_an_event_says_who_what_why_and_proves_that_the_log_has_it(officer: Officer) -> None:
    page = officer.page("/console/events/131")
    for text in ("annotator may not read", "clearance too low", "dominance", "The log has this record"):
        assert text in page
    assert "/console/events/133" in officer.page("/console/events/130")
    assert officer.get("/console/events/135")[0] == 404
    assert officer.get("/console/events/-1")[0] == 404


def test_the_downloaded_proof_needs_nothing_but_the_record_and_the_key(officer: Officer, site: Site) -> None:
    line = officer.page("/console/events/77/record.json").encode()
    head, _, note = officer.page("/console/events/77/record.tlog-proof").partition("\n\n")
    first, index, *hashes = head.splitlines()
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 77")
    checkpoint = open_checkpoint(note.encode(), Verifier.decode(site.vkey))
    leaf = leaf_hash(Record.decode(line).entry)
    proof = [base64.b64decode(hash_) for hash_ in hashes]
    assert verify_inclusion(leaf, 77, checkpoint.size, proof, checkpoint.root)


def test_charts_count_what_happened(officer: Officer) -> None:
    page = officer.page("/console/?range=all")
    assert 'aria-label="Decisions over time: 131 allowed, 3 denied, 1 other' in page
    assert "2 denied from SECRET//REL TO USA, GBR to UNCLASSIFIED" in page
    assert "130 allowed from UNCLASSIFIED to UNCLASSIFIED" in page
    page = officer.page(f"/console/?range=all&label={LOW.replace(';', '%3B')}")
    assert "Decisions over time: 130 allowed, 1 denied" in page
    assert (
        "SYSTEM" not in officer.page("/console/?range=all", **LOW_OFFICER).split("Flows between")[1].split("</svg>")[0]
    )


def test_health_names_size_key_and_last_verification(officer: Officer, site: Site) -> None:
    url = "/console/health-of-log"
    answer = officer.client.post(f"{url}/verify", headers=headers(f"{url}/verify", "POST"), follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    page = officer.page(url)
    for text in ("Whole", "135 records recomputed", site.vkey.replace("+", "&#43;"), "Not writing"):
        assert text.replace("&#43;", "+") in page


def test_a_record_changed_on_the_disk_is_shown_as_changed_and_named(officer: Officer, site: Site) -> None:
    file = site.log / "bodies" / "000000000000.jsonl"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole.replace(b"/records/abacus", b"/records/abbcus"))
        assert "changed after it was recorded" in officer.page("/console/?range=all&text=abacus")
        assert "Not proven" in officer.page("/console/events/130")
        url = "/console/health-of-log/verify"
        officer.client.post(url, headers=headers(url, "POST"))
        page = officer.page("/console/health-of-log")
        assert re.search(r'<a href="/console/events/130">130</a>.*the record is not what the log committed to', page)
        assert "Log damaged: 1 finding" in officer.page("/console/")
    finally:
        file.write_bytes(whole)
        officer.client.post(url, headers=headers(url, "POST"))
    assert "Log damaged" not in officer.page("/console/")


def test_new_records_appear_and_a_new_log_is_indexed_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = Site.make(tmp_path_factory.mktemp("anew"))
    asyncio.run(site.record([decided("analyst", HIGH, "/labeling/1")]))

    def shown(expected: list[int]) -> None:
        deadline = time.monotonic() + 10
        while listed(officer.page("/console/")) != expected:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with TestClient(site.app()) as client:
        officer = Officer(client)
        shown([0])
        asyncio.run(site.record([decided("analyst", HIGH, "/labeling/2")]))
        shown([1, 0])
    (site.folder / "log").rename(site.folder / "old")
    (site.folder / "secrets" / "log.key").unlink()
    again = Site.make(site.folder)
    asyncio.run(again.record([decided("annotator", LOW, "/labeling/longer-than-before")]))
    with TestClient(again.app()) as client:
        officer = Officer(client)
        shown([0])
        assert "longer-than-before" in officer.page("/console/")


def test_markup_reaches_the_download_unchanged(officer: Officer) -> None:
    record = json.loads(officer.page("/console/events/134/record.json"))
    assert record["body"]["unmapped"]["detail"]["note"] == MARKUP


def test_a_missing_or_old_review_shows_on_every_page(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    old = int((time.time() - 9 * 24 * 3600) * 1000)
    asyncio.run(site.record([decided("analyst", HIGH, "/labeling/1").model_copy(update={"time": old})]))
    witness, log_key = Signer.generate("isso", COSIGNATURE), Verifier.decode(site.vkey)
    policy = f"log {site.vkey}\nwitness isso {witness.verifier.encode()}\nquorum isso\n"
    with TestClient(site.app(policy=policy)) as client:
        officer = Officer(client)

        def cosigned(now: float) -> None:
            (tmp_path / "memory").unlink(missing_ok=True)
            note = cosign(request(site.log, log_key, 0), log_key, witness, tmp_path / "memory", int(now))
            accept(site.log, note.encode(), log_key, [witness.verifier])

        assert "Overdue" in officer.page("/console/health-of-log")
        cosigned(time.time() - 8 * 24 * 3600)
        for path in PAGES[:1] + PAGES[4:]:
            assert "REVIEW OVERDUE" in officer.page(path)
        assert "8 d ago" in officer.page("/console/health-of-log")
        assert "Overdue" in officer.page("/console/health-of-log")
        (site.log / "cosigned" / "1").unlink()
        cosigned(time.time())
        page = officer.page("/console/health-of-log")
        assert "cosigned by isso over 1 records; 0 since" in page
        assert "Overdue" not in page
        assert "No new records" in officer.page("/console/review")


def test_the_review_names_what_the_command_names(officer: Officer, site: Site) -> None:
    page = officer.page("/console/review")
    made = reviews.review(site.log, 0, 135)
    assert len(made.findings) > 5
    for finding in made.findings:
        number = re.escape(f'<td class="id">{finding.id}</td><td class="number">{finding.count:,} ')
        assert re.search(f"{number}.</td><td>{re.escape(escape(finding.text))}</td>", page)
        assert f'<input name="{finding.id}"' in page
    low = officer.page("/console/review", **LOW_OFFICER)
    assert "2 records are above your clearance" in low
    assert "records.export" not in low
    assert "annotator was denied in secret by rule dominance" in low


def exported(officer: Officer, given: dict[str, str], **changes: object) -> tuple[int, bytes]:
    url = "/console/export"
    answer = officer.client.post(url, headers=headers(url, "POST", **changes), data=given)
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"decision": "denied"}, 3),
        ({"text": "labeling tas"}, 130),
        ({"text": "ABACUS labeling", "range": "all"}, 1),
        ({"subject": "nobody"}, 0),
        ({"range": "all"}, 135),
    ],
)
def test_a_search_leaves_as_evidence_and_its_leaving_is_recorded_first(
    officer: Officer, site: Site, tmp_path: Path, given: dict[str, str], count: int
) -> None:
    with Monitor(site.folder / "record.sock") as monitor:
        code, data = exported(officer, given)
        assert code == 200, data
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        (record,) = monitor.records
        assert (record["activity"], record["subject"], record["outputs"]) == ("evidence.export", "officer", [digest])
        assert record["detail"] == {"records": count, **given}
        monitor.refuse = True
        assert exported(officer, given)[0] == 503
    (tmp_path / "evidence.zip").write_bytes(data)
    report = evidence.check(tmp_path / "evidence.zip", Policy.decode(f"log {site.vkey}\nquorum none\n"))
    assert (report.findings, report.records) == ([], count)
    assert report.complete == (given == {"range": "all"})


def test_evidence_has_only_what_the_officer_may_read_and_nothing_damaged(officer: Officer, site: Site) -> None:
    with Monitor(site.folder / "record.sock") as monitor:
        _, data = exported(officer, {"decision": "denied"}, **LOW_OFFICER)
        assert monitor.records[0]["detail"]["records"] == 2
        assert b"script" not in zipfile.ZipFile(io.BytesIO(data)).read("records.jsonl")
        file = site.log / "bodies" / "000000000000.jsonl"
        whole = file.read_bytes()
        try:
            file.write_bytes(whole.replace(b"/records/abacus", b"/records/abbcus"))
            code, data = exported(officer, {"text": "abacus"})
        finally:
            file.write_bytes(whole)
        assert code == 409
        assert b"record 130 is not what the log committed to" in data
        assert len(monitor.records) == 1


def test_the_calendar_of_the_host_is_shown_and_an_old_or_spoilt_one_said_to_be(site: Site, officer: Officer) -> None:
    file, now = site.log / FILE, datetime.now(UTC)
    assert "has not written a calendar yet" in officer.page("/console/calendar")
    ends = now + timedelta(days=3)
    entry = Entry(kind=Kind.GATEWAY, name=MARKUP, ends=ends, rule="RFC 5280", renew="appliance host install")
    for moment, stale in ((now, False), (now - timedelta(days=2), True)):
        file.write_text(judge([entry], Terms(), moment, ["a file"]).model_dump_json())
        page = officer.page("/console/calendar")
        assert "1 of 1 are due or past" in page
        assert str(escape(MARKUP)) in page
        assert f"{ends:%Y-%m-%d %H:%M}" in page
        assert "a file" in page
        assert ("more than a day ago" in page) is stale
    file.write_text('{"made": "yesterday"}')
    assert "has not written a calendar yet" in officer.page("/console/calendar")
    file.unlink()
    assert officer.get("/console/calendar", roles=("analyst",))[0] == 404


@pytest.mark.parametrize("name", ["record.json", "record.tlog-proof"])
def test_what_is_taken_away_carries_its_marking_in_its_name(officer: Officer, name: str) -> None:
    url = f"/console/events/1/{name}"
    answer = officer.client.get(url, headers=headers(url))
    assert answer.status_code == 200
    marked = answer.headers["Content-Disposition"].partition('filename="')[2].partition(".")[0]
    assert marked == re.sub("[^A-Za-z0-9-]+", "_", answer.headers["X-Classification"].replace("//", "--"))


def test_a_denial_has_a_sentence(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    asked = decided("annotator", LOW, "/evaluation/jobs", allowed=False, rule="access.role", working=LOW)
    asyncio.run(site.record([asked, decided("annotator", LOW, "/labeling/tasks/1", working=LOW)]))
    with TestClient(site.app(), base_url="https://officers.example") as client:
        watcher, deadline = Officer(client), time.monotonic() + 10
        while "2</strong> records" not in watcher.page("/console/"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert f"<dd>{REFUSALS['access.role']}</dd>" in watcher.page("/console/events/0")
        assert "In words" not in watcher.page("/console/events/1")


def test_every_rule_by_which_the_monitor_refuses_has_its_sentence() -> None:
    folder = Path(__file__).parents[3] / "appliance" / "monitor"
    text = "".join(file.read_text() for file in sorted(folder.rglob("*.py")))
    kinds = "access|browser|host|identity|mandatory|originator|path|request|session|workload"
    rules = set(re.findall(rf'(?:deny\(|rule=|return |SUPERSEDED = |NO_SESSION = |, )"((?:{kinds})\.[a-z-]+)"', text))
    rules -= {"access.permitted", "access.permitted-workload", "session.permitted"}
    assert len(rules) > 30
    assert rules <= set(REFUSALS)


def test_the_colours_of_a_label_are_as_strong_as_the_chassis_s_own_rule(officer: Officer) -> None:
    sheet = officer.page("/console/labels.css")
    assert all(line.startswith(".portion.level-") for line in sheet.strip().splitlines()), "else white stands on white"
