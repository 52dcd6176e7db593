"""The console over a log, once a module."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call, Scope, Verdict
from appliance.audit.events.ocsf import Event
from tests.unit.console.site import HIGH, LOW, POLICY, SYSTEM, Site, decided, headers

MARKUP = "<script>alert(1)</script>\"'&{{7*7}}"
REQUEST = "ab" * 16


def found() -> list[Event]:
    """130 reads at U, and one of each thing that the tests look for."""
    verdict = Verdict(allowed=False, rule=MARKUP, policy=POLICY, reason=MARKUP)
    scope = Scope(label=SYSTEM, enclave=MARKUP, service=MARKUP, request=REQUEST)
    strange = events.decision(scope, MARKUP, Call(method=MARKUP, path=MARKUP, action=MARKUP), verdict, working=HIGH)
    return [
        *(decided("annotator", LOW, f"/labeling/tasks/{n}", working=LOW) for n in range(130)),
        decided("analyst", HIGH, "/labeling/records/abacus", working=HIGH, request=REQUEST),
        decided("annotator", HIGH, "/labeling/records/1", working=LOW, allowed=False, reason="clearance too low"),
        decided("analyst", LOW, "/inference/v1", working=HIGH, allowed=False, rule="no-write-down", method="POST"),
        strange,
        events.activity(Scope(label=SYSTEM), "officer", "records.export", detail={"note": MARKUP}),
    ]


class Officer:
    """A browser without scripts: asks with the context that the gateway would add."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, url: str, **changes: object) -> tuple[int, str]:
        answer = self.client.get(url, headers=headers(url, "GET", **changes) | {"accept": "text/html"})
        return answer.status_code, answer.text

    def page(self, url: str, **changes: object) -> str:
        code, text = self.get(url, **changes)
        assert code == 200, text
        return text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site.make(tmp_path_factory.mktemp("site"))
    asyncio.run(made.record(found()))
    return made


@pytest.fixture(scope="module")
def officer(site: Site) -> Iterator[Officer]:
    with TestClient(site.app(), base_url="https://officers.example") as client:
        watcher = Officer(client)
        deadline = time.monotonic() + 10
        while "135</strong> records" not in watcher.page("/console/"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield watcher
