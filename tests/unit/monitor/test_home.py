"""Where a person begins: `/` lists the pages that they may open, and nothing else."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.monitor.gateway import Rig, running

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def paths(client: httpx.Client) -> list[str]:
    return [page["path"] for page in client.get("/").json()["pages"]]


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("analyst", ["/labeling/", "/evaluation/", "/inference/"]),
        ("evaluator", ["/labeling/", "/evaluation/", "/inference/"]),
    ],
)
def test_a_person_sees_the_pages_that_their_roles_open(rig: Rig, person: str, expected: list[str]) -> None:
    with rig.client(person) as client:
        client.post("/session")
        assert paths(client) == expected
        for path in expected:  # what is listed is what is allowed
            assert client.get(path).status_code != 404
        page = client.get("/", headers=HTML)
        assert all(f'href="{path}"' in page.text for path in expected)
        assert page.text.count(rig.enclave.label) >= 2
        assert page.headers["content-type"].startswith("text/html")
        client.delete("/session")


def test_without_a_session_it_is_offered_and_leads_back_here(rig: Rig) -> None:
    with rig.client("analyst") as client:
        assert client.get("/").status_code == 401
        page = client.get("/", headers=HTML)
        assert (page.status_code, 'action="/session?to=/"' in page.text) == (401, True)
        assert client.post("/session?to=/", headers=HTML).headers["location"] == "/"
        client.delete("/session")


def test_who_may_not_work_here_learns_nothing_of_its_pages(rig: Rig) -> None:
    with rig.client("annotator") as client:  # cleared for less
        answer = client.get("/", headers=HTML)
        assert answer.status_code == 404
        assert "labeling" not in answer.text


def test_the_links_are_asked_for_anew_each_time(rig: Rig) -> None:
    with rig.client("analyst") as client:
        client.post("/session")
        assert client.get("/").json()["session"]["working"] == rig.enclave.encoded
        client.delete("/session")
        assert client.get("/").status_code == 401
