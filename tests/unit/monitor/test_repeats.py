"""Files of an image: one record a session, then a count that is never lost; nothing else is ever counted."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.enclave.site import parse_site
from appliance.errors import ApplianceError
from appliance.monitor.decide.decision import Decision, deny
from appliance.monitor.record.outcome import Outcome
from appliance.monitor.record.repeats import FILE, IDLE_SECONDS, LONGEST_SECONDS, Repeats
from tests.unit.monitor.gateway import Rig, running

SITE = parse_site(Rig.described())
SECRET, LOW = SITE.enclave("secret"), SITE.enclave("unclassified")
ALLOWED = Decision(allow=True, status=200, rule="access.permitted", action="read")
PAGE = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def asked(path: str = "/labeling/static/theme.css", request: str = "ab" * 16, **changes: Any) -> Outcome:
    made = Outcome(SECRET, "analyst", "GET", path, request, ALLOWED, "5f" * 32, origin=SECRET, session="cert-1")
    return replace(made, **changes)


class Kept:
    """What was recorded, and what was counted."""

    def __init__(self, folder: Path) -> None:
        self.outcomes: list[Outcome] = []
        self.counts: list[tuple[str, int, bool]] = []
        self.now = 0.0
        self.full = False
        self.repeats = Repeats(self.record, self.closed, folder / FILE, lambda: self.now)

    async def record(self, outcome: Outcome) -> None:
        if self.full:
            raise ApplianceError("the log takes nothing")
        self.outcomes.append(outcome)

    async def closed(self, outcome: Outcome | None, reference: str, count: int) -> None:
        if self.full:
            raise ApplianceError("the log takes nothing")
        self.counts.append((reference, count, outcome is not None))

    def ask(self, *outcomes: Outcome) -> None:
        async def one_after_the_other() -> None:
            for outcome in outcomes:
                await self.repeats.outcome(outcome)

        asyncio.run(one_after_the_other())


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_files_of_an_image_are_one_record_and_a_count(kept: Kept) -> None:
    kept.ask(*(asked(f"/labeling/{place}/{n}.js") for place in ("static", "vendor", "assets") for n in range(5)))
    assert len(kept.outcomes) == 1
    asyncio.run(kept.repeats.stop())
    assert kept.counts == [("ab" * 16, 14, True)]


OTHERS = [
    {"path": "/labeling/tasks/1"},
    {"path": "/labeling/assets/"},
    {"path": "/labeling/assets/../tasks/1"},
    {"path": "/labeling/files/1/images/0/tiles/3"},
    {"method": "POST"},
    {"decision": deny("access.role", action="read")},
    {"decision": replace(ALLOWED, rule="break-glass")},
    {"decision": replace(ALLOWED, rule="access.permitted-read-down")},
    {"decision": replace(ALLOWED, action="export")},
    {"detail": {"reason": "a reason"}},
    {"origin": None},
    {"enclave": LOW},
    {"session": ""},
]


@pytest.mark.parametrize("change", OTHERS, ids=str)
def test_nothing_else_is_ever_counted(kept: Kept, change: dict[str, Any]) -> None:
    kept.ask(asked(), *[asked(**change)] * 3)
    assert len(kept.outcomes) == 4


DISTINCT = [
    {"subject": "annotator"},
    {"session": "cert-2"},
    {"path": "/inference/static/theme.css"},
    {"policy": "6a" * 32},
    {"enclave": LOW, "origin": LOW},
]


@pytest.mark.parametrize("change", DISTINCT, ids=str)
def test_what_differs_in_its_key_is_never_merged(kept: Kept, change: dict[str, Any]) -> None:
    kept.ask(*[asked()] * 3, *[asked(request="cd" * 16, **change)] * 2)
    assert len(kept.outcomes) == 2
    asyncio.run(kept.repeats.stop())
    assert sorted(kept.counts) == [("ab" * 16, 2, True), ("cd" * 16, 1, True)]


def test_the_first_is_durable_before_its_effect(kept: Kept) -> None:
    kept.full = True
    with pytest.raises(ApplianceError):
        kept.ask(asked())
    kept.full = False
    kept.ask(asked())
    assert len(kept.outcomes) == 1, "what was not recorded is not repeated"


def test_the_count_survives_a_monitor_that_was_killed(kept: Kept, tmp_path: Path) -> None:
    kept.ask(*[asked()] * 4)
    after = Kept(tmp_path)
    asyncio.run(after.repeats.recover())
    assert after.counts == [("ab" * 16, 3, False)]
    asyncio.run(Kept(tmp_path).repeats.recover())
    assert Kept(tmp_path).counts == []


def test_a_count_that_cannot_be_recorded_stays(kept: Kept) -> None:
    kept.ask(*[asked()] * 4)
    kept.full = True
    with pytest.raises(ApplianceError):
        asyncio.run(kept.repeats.stop())
    kept.full = False
    asyncio.run(kept.repeats.stop())
    assert kept.counts == [("ab" * 16, 3, True)]


@pytest.mark.parametrize("seconds", [IDLE_SECONDS + 1, LONGEST_SECONDS + 1])
def test_it_ends_by_its_age_and_when_it_is_not_used(kept: Kept, seconds: float) -> None:
    kept.ask(asked(), asked())
    asyncio.run(kept.repeats.sweep())
    assert kept.counts == []
    kept.now = seconds
    asyncio.run(kept.repeats.sweep())
    assert kept.counts == [("ab" * 16, 1, True)]
    kept.ask(asked())
    assert len(kept.outcomes) == 2


def test_a_session_that_ends_closes_its_counts_and_no_other(kept: Kept) -> None:
    session = asked("/session", method="DELETE", decision=Decision(True, 200, "session.permitted", "session"))
    kept.ask(*[asked()] * 2, *[asked(subject="annotator", request="cd" * 16)] * 2, session)
    assert kept.counts == [("ab" * 16, 1, True)]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def test_a_page_with_its_files_is_two_records_and_the_session_has_the_count(rig: Rig) -> None:
    with rig.client("analyst") as client:
        assert client.post("/session").status_code == 201
        before = len(rig.records())
        for _ in range(3):
            assert client.get("/labeling/").status_code == 200
            for name in ("theme.css", "appliance.css", "header.js", "favicon.svg"):
                assert client.get(f"/labeling/static/{name}").status_code == 200
        assert len(rig.records()) - before == 3 + 1, "15 before"
        assert client.delete("/session").status_code == 200
    counted = [one for one in rig.records() if one.get("api", {}).get("operation") == "request.repeat"]
    assert [one["unmapped"]["detail"]["count"] for one in counted] == [11]
    first = counted[0]["unmapped"]["detail"]["first"]
    assert sum(first in json.dumps(one) for one in rig.records()) == 2, (
        "the count names the record that it goes on from"
    )


def test_a_first_visit_is_no_denial_and_a_program_s_is(rig: Rig) -> None:
    with rig.client("evaluator") as client:
        assert client.get("/labeling/", headers=PAGE).status_code == 401
        shown = rig.records()[-1]
        assert (shown["api"]["operation"], shown["actor"]["user"]["name"]) == ("session.offer", "evaluator")
        assert "action_id" not in shown
        assert client.get("/labeling/").status_code == 401
        assert rig.last_rule() == "session.none"
        assert client.post("/labeling/", headers=PAGE).status_code == 401
        assert rig.last_rule() == "session.none"


def test_favicons_are_answered_marked_and_leave_no_record(rig: Rig) -> None:
    before = len(rig.records())
    for name in ("analyst", None):
        with rig.client(name) as client:
            answer = client.get("/favicon.ico")
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["X-Classification"] == rig.enclave.label
    assert len(rig.records()) == before


def test_a_dead_log_stops_files_of_an_image_too_at_first(rig: Rig) -> None:
    with rig.client("analyst") as client:
        client.post("/session")
        rig.fail_log = True
        try:
            answer: httpx.Response = client.get("/labeling/static/theme.css")
        finally:
            rig.fail_log = False
        assert answer.status_code == 503
