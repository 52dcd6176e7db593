"""What left the host convicts a log that was cut or rewritten; what has not left is counted, and somebody is told."""

import asyncio
import io
import json
import os
import shutil
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image
from typer.testing import CliRunner, Result

from appliance.audit.events import spool
from appliance.audit.log import anchor
from appliance.audit.log.note import Verifier
from appliance.audit.review.fsck import fsck
from appliance.audit.review.state import log_state
from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.component.service import browser
from tests.unit.audit.conftest import Place
from tests.unit.audit.test_fsck import record
from tests.unit.audit.test_witness import Officer, policy_text

DAY = 24 * 3600


def run(place: Place, *arguments: str) -> Result:
    (place.path.parent / "log.vkey").write_text(place.vkey)
    place_of = ["--log", str(place.path)]
    keyed = [] if arguments[0] in ("status", "policy") else ["--key", str(place.path.parent / "log.vkey")]
    spooled = ["--spool", str(place.path.parent / "spool")] if arguments[0] == "policy" else []
    if arguments[0] == "anchor" and "check" not in arguments:
        spooled = ["--spool", str(place.path.parent / "spool")]
    return CliRunner().invoke(app, ["audit", *arguments, *place_of, *keyed, *spooled])


def taken(place: Place, name: str = "disc") -> Path:
    folder = place.path.parent / name
    assert run(place, "anchor", "--out", str(folder)).exit_code == 0
    return folder


def test_an_anchor_is_recorded_and_holds_for_a_log_that_grew(place: Place) -> None:
    asyncio.run(record(place, 300))
    folder = taken(place)
    spooled = (place.path.parent / "spool" / spool.FILE).read_text()
    assert '"log.anchor"' in spooled
    assert '"size":300' in spooled
    asyncio.run(record(place, 50))
    done = run(place, "anchor", "check", str(folder))
    assert (done.exit_code, "first 300 records" in done.output) == (0, True)
    assert fsck(place.path, place.vkey).findings == []


def test_what_is_written_into_the_log_is_read_by_its_group_whatever_mask_the_host_sets(place: Place) -> None:
    asyncio.run(record(place, 3))
    before = os.umask(0o077)
    try:
        taken(place)
    finally:
        os.umask(before)
    kept = [file for file in (place.path / anchor.ANCHORED).iterdir() if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o640}


def test_an_anchor_is_written_once_and_a_dry_run_writes_nothing(place: Place) -> None:
    asyncio.run(record(place, 3))
    assert run(place, "anchor", "--out", str(place.path.parent / "dry"), "--dry-run").exit_code == 0
    assert not (place.path.parent / "dry").exists()
    folder = taken(place)
    assert "disc exists" in str(run(place, "anchor", "--out", str(folder)).exception)


def test_the_printed_page_is_scanned_back_into_an_anchor(place: Place) -> None:
    asyncio.run(record(place, 3))
    folder = taken(place)
    note = (folder / "checkpoint").read_bytes()
    assert note == (place.path / "checkpoint").read_bytes()
    written = (folder / "paper.html").read_text()
    drawn = ElementTree.fromstring((folder / "qr.svg").read_text())  # noqa: S314 - our own
    path = next(element.get("d") for element in drawn.iter() if element.tag.endswith("path"))
    assert path
    assert path in written
    assert "http:" not in written.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in written
    with browser.running() as chromium:
        page = chromium.new_page(device_scale_factor=3)  # what a scanner of 300 dots an inch sees
        page.goto((folder / "paper.html").as_uri())
        assert note.decode().splitlines()[2] in page.inner_text("body")
        assert page.locator("[src], [href]").count() == 0
        printed = page.screenshot(full_page=True)
    askew = Image.open(io.BytesIO(printed)).rotate(7, expand=True, fillcolor="white")
    scanned = place.path.parent / "scanned"
    scanned.write_bytes(zxingcpp.read_barcodes(askew)[0].bytes)
    assert scanned.read_bytes() == note
    assert run(place, "anchor", "check", str(scanned)).exit_code == 0


def cut(place: Place) -> None:
    shutil.rmtree(place.path)
    shutil.copytree(place.path.with_name("old"), place.path)


def rewrite(place: Place) -> None:
    cut(place)
    asyncio.run(record(place, 250))


@pytest.mark.parametrize(("attack", "problem"), [(cut, "records were removed"), (rewrite, "was rewritten")])
def test_a_log_returned_to_an_old_copy_contradicts_the_anchor(place: Place, attack: object, problem: str) -> None:
    asyncio.run(record(place, 100))
    shutil.copytree(place.path, place.path.with_name("old"))
    asyncio.run(record(place, 100))
    folder = taken(place)
    kept = (place.path / "anchored" / "200").read_bytes()
    assert callable(attack)
    attack(place)
    assert problem in str(run(place, "anchor", "check", str(folder)).exception)
    (place.path / "anchored").mkdir()
    (place.path / "anchored" / "200").write_bytes(kept)
    assert any(problem in one.problem for one in fsck(place.path, place.vkey).findings)


def test_another_log_s_anchor_and_a_changed_one_are_refused(place: Place, tmp_path: Path) -> None:
    asyncio.run(record(place, 10))
    note = (taken(place) / "checkpoint").read_bytes()
    key = Verifier.decode(place.vkey)
    for bad in (note.replace(b"\n10\n", b"\n9\n"), b"", note.replace(b"site.example", b"other.example")):
        with pytest.raises(ApplianceError):
            anchor.check(place.path, key, bad)


def test_status_counts_what_is_not_anchored_and_says_when_it_is_due(place: Place) -> None:
    asyncio.run(record(place, 10))
    now = time.time()
    assert log_state(place.path, now).warnings() == []
    assert len(log_state(place.path, now + DAY + 60).warnings()) == 1
    taken(place)
    asyncio.run(record(place, 5))
    state = log_state(place.path, now + 60)
    assert (state.size, state.unanchored, state.anchor_due) == (15, 5, False)
    os.utime(place.path / "anchored" / "10", (now - 2 * DAY, now - 2 * DAY))
    assert "anchor due" in log_state(place.path, now).warnings()[0]


def test_a_review_is_overdue_after_seven_days_and_status_says_so(place: Place, tmp_path: Path) -> None:
    asyncio.run(record(place, 10))
    officers = [Officer(name, place, tmp_path) for name in ("isso", "issm", "alternate")]
    (tmp_path / "policy").write_text(policy_text(place, officers))
    assert run(place, "policy", str(tmp_path / "policy")).exit_code == 0
    done = run(place, "status", "--json")
    assert (done.exit_code, json.loads(done.output)["overdue"]) == (0, False)
    warnings = log_state(place.path, time.time() + 8 * DAY).warnings()
    assert warnings[0].startswith("REVIEW OVERDUE: last cosigned never, 10 records")


def test_a_policy_of_another_log_is_refused(place: Place, tmp_path: Path) -> None:
    officers = [Officer(name, place, tmp_path) for name in ("isso", "issm", "alternate")]
    other = Place(place.path, place.key, place.vkey)
    text = policy_text(other, officers)
    (tmp_path / "policy").write_text(text.replace("\nlog ", "\n#log "))
    assert run(place, "policy", str(tmp_path / "policy")).exit_code != 0
    assert not (place.path / "policy").exists()
