"""What people agree to, how long they work, and what they are told of their last session (AC-8, AC-9, AC-12)."""

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.markings import parse
from appliance.monitor.decide.last_use import LastUse, Notice
from appliance.monitor.decide.sessions import Sessions
from appliance.trust.certificates import issue_client
from tests.unit.monitor.gateway import Rig, running

HTML = {"accept": "text/html"}
SECRET = parse("SECRET").label


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


@pytest.fixture
def analyst(rig: Rig) -> Iterator[httpx.Client]:
    with rig.client("analyst") as client:
        client.delete("/session")
        yield client
        client.delete("/session")


def test_the_first_session_and_the_next_tell_of_the_last(rig: Rig, analyst: httpx.Client) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    analyst.post("/session")
    ends = analyst.get("/session").json()["session"]["ends"]
    assert timedelta(hours=7.9) < datetime.strptime(ends, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) - before
    analyst.delete("/session")
    analyst.post("/session", headers={"Sec-Fetch-Site": "cross-site"})
    analyst.post("/session", headers={"Sec-Fetch-Site": "same-site"})
    told = analyst.post("/session").json()["session"]
    assert (told["last"]["enclave"], told["last"]["refused_since"]) == ("secret", 2)
    assert told["last"]["opened"] >= f"{before:%Y-%m-%d %H:%M:%S}"
    assert told["idle_minutes"] == 30
    analyst.delete("/session")
    assert analyst.post("/session").json()["session"]["last"]["refused_since"] == 0


@pytest.fixture
def renewed(rig: Rig) -> Iterator[httpx.Client]:
    """The analyst at a second workstation, with the successor of their certificate; both are valid."""
    issue_client(rig.issuer, "analyst").write(rig.folder, "analyst-renewed")
    with rig.client("analyst-renewed") as client:
        client.delete("/session")
        yield client
        client.delete("/session")


def test_two_workstations_at_one_level_have_a_session_each(analyst: httpx.Client, renewed: httpx.Client) -> None:
    assert analyst.post("/session").status_code == 201
    assert renewed.get("/labeling/x").status_code == 401
    assert renewed.post("/session").status_code == 201
    renewed.delete("/session")
    assert analyst.get("/labeling/x").status_code == 200
    assert renewed.get("/labeling/x").status_code == 401


LOW = parse("UNCLASSIFIED").label


def test_nobody_works_at_two_levels_with_two_certificates() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    sessions.limit(3600, 600)
    assert sessions.open("old", "anna", "secret", SECRET, Notice())
    assert sessions.open("new", "anna", "low", LOW, Notice()) is None
    assert sessions.open("other", "bert", "low", LOW, Notice()), "another person is another person"
    assert sessions.open("new", "anna", "secret", SECRET, Notice())
    sessions.close("old")
    assert sessions.open("old", "anna", "low", LOW, Notice()) is None, "the other workstation still works there"
    sessions.close("new")
    assert sessions.open("old", "anna", "low", LOW, Notice())
    now = 601
    assert sessions.open("new", "anna", "secret", SECRET, Notice()), "a session that ran out binds nobody"


def test_the_pages_ask_for_consent_tell_and_end(analyst: httpx.Client) -> None:
    analyst.post("/session")
    analyst.delete("/session")
    page = analyst.get("/labeling/", headers=HTML).text
    assert "Everything you do here is recorded" in page
    assert "Your last session: on 2" in page
    assert "Refused attempts since: 0." in page
    assert analyst.post("/session", headers=HTML).status_code == 303
    assert "End the session" in analyst.get("/session", headers=HTML).text
    ended = analyst.post("/session/end", headers=HTML)
    assert "No session is open" in ended.text
    assert analyst.get("/labeling/x").status_code == 401
    assert analyst.get("/session/end").json()["session"] is None


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/labeling/projects/3f-1", "/labeling/projects/3f-1"),
        ("/labeling/", "/labeling/"),
        ("/console/", "/"),  # no service of this enclave
        ("/labeling/x?to=/labeling/y", "/labeling/x"),
    ],
)
def test_consent_leads_to_the_page_that_was_wanted(analyst: httpx.Client, asked: str, shown: str) -> None:
    page = analyst.get(asked, headers=HTML).text
    assert f'action="/session?to={shown}"' in page
    assert analyst.post(f"/session?to={shown}", headers=HTML).headers["location"] == shown


@pytest.mark.parametrize(
    "wanted",
    ["//elsewhere.test/", "https://elsewhere.test/", "/\\elsewhere.test", "/labeling/%0d%0aX: y", "/none/", ""],
)
def test_consent_leads_nowhere_else(analyst: httpx.Client, wanted: str) -> None:
    assert analyst.post(f"/session?to={wanted}", headers=HTML).headers["location"] == "/"


def test_a_page_of_another_origin_cannot_end_a_session(analyst: httpx.Client) -> None:
    analyst.post("/session")
    assert analyst.post("/session/end", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 404
    assert analyst.get("/labeling/x").status_code == 200


def test_a_certificate_that_ends_soon_is_said_on_every_answer(rig: Rig, analyst: httpx.Client) -> None:
    analyst.post("/session")
    assert "x-certificate-expires" not in analyst.get("/labeling/x").headers
    assert analyst.get("/session").json()["certificate"]["renew"] is False
    end = datetime.now(UTC) + timedelta(days=20)
    issue_client(rig.issuer, "analyst", not_after=end).write(rig.folder, "soon")
    analyst.delete("/session")
    with rig.client("soon") as soon:
        assert "have it renewed" in soon.get("/labeling/", headers=HTML).text
        assert soon.post("/session").json()["certificate"]["renew"] is True
        assert soon.get("/labeling/x").headers["x-certificate-expires"] == f"{end:%Y-%m-%d}"
        soon.delete("/session")


def test_last_use_survives_a_restart_and_tells_nothing_of_higher_levels(tmp_path: Path) -> None:
    kept = LastUse(tmp_path / "last-use.json")
    kept.opened("anna", "low", 100.0, {"low"})
    kept.opened("anna", "high", 200.0, {"low", "high"})
    kept.failed("anna", "high")
    asyncio.run(kept.keep())
    again = LastUse(tmp_path / "last-use.json")
    assert again.notice("anna", {"low", "high"}) == Notice(opened=200.0, enclave="high", failed=1)
    assert again.notice("anna", {"low"}) == Notice(opened=100.0, enclave="low", failed=0)
    assert again.notice("berta", {"low"}) == Notice()
    (tmp_path / "last-use.json").write_text("{]")
    assert LastUse(tmp_path / "last-use.json").notice("anna", {"low"}) == Notice()


@given(st.lists(st.floats(min_value=0, max_value=700), max_size=20))
def test_a_session_ends_by_its_age_and_by_idleness_and_never_comes_back(pauses: list[float]) -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    sessions.limit(3600, 600)
    sessions.open("certificate", "anna", "secret", SECRET, Notice())
    ended = False
    for pause in pauses:
        now += pause
        ended = ended or pause > 600 or now > 3600
        assert (sessions.current("certificate", "anna") is None) == ended


def test_a_shorter_limit_counts_for_open_sessions_too() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    sessions.limit(3600, 600)
    sessions.open("certificate", "anna", "secret", SECRET, Notice())
    now = 120.0
    sessions.limit(60, 60)
    assert sessions.current("certificate", "anna") is None
