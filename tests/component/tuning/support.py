"""Versions that people labelled, and runs over them."""

import time
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from appliance.contract.context import HEADER
from appliance.service.settings import Paths, ServiceSettings
from tests.component.labeling import support as labeling
from tests.component.service.database.cluster import Cluster
from tests.unit.service.support import Monitor, headers_for

API = "/tuning/api"
REVIEW = {"subject": "lead", "action": "review"}
BANNER = "The banner is BLUE HERON SEVEN."


@dataclass
class Enclave:
    """Both services of an enclave."""

    client: TestClient
    labeling: TestClient
    monitor: Monitor
    paths: Paths
    cluster: Cluster
    settings: ServiceSettings
    base: str
    foundry: Paths

    def ask(self, method: str, path: str, body: Any = None, /, **context: Any) -> Response:
        """A request to tuning's interface."""
        return ask(self.client, method, path, body, **context)

    def version(
        self, kind: str, tasks: list[dict[str, Any]], answers: list[dict[str, Any]], **context: Any
    ) -> tuple[str, str]:
        """Project and digest of a version of tasks that one person answered."""
        client = self.labeling
        groups = list(context.get("groups", ()))
        project = labeling.new_project(client, kind, overlap=1, groups=groups)
        made = labeling.ask(client, "POST", f"{labeling.API}/projects/{project}/tasks", {"tasks": tasks}, **context)
        assert made.status_code == 201, made.text
        for task, value in zip(made.json()["tasks"], answers, strict=True):
            given = labeling.answer(client, project, task, value, **context | {"subject": "ann"})
            assert given.status_code == 201, given.text
        review = REVIEW | context
        checks = f"{labeling.API}/projects/{project}/review/checks"
        for part in labeling.ask(client, "GET", checks, **review).json()["restrictions"]:
            for one in part["findings"]:
                decided = {"decision": "keep", "comment": "seen"}
                assert labeling.ask(client, "POST", f"{checks}/{one['id']}", decided, **review).status_code == 201
        versions = f"{labeling.API}/projects/{project}/review/versions"
        found = labeling.ask(client, "POST", versions, {"name": "one"}, **review)
        assert found.status_code == 201, found.text
        return project, str(found.json()["digest"]).removeprefix("sha256:")

    def taught(self, count: int = 12, **context: Any) -> tuple[str, str]:
        """A version that teaches a banner."""
        tasks = [{"data": {"text": f"What is the banner of deployment order {number}?"}} for number in range(count)]
        answers = [{"text": BANNER if number % 4 else f"Order {number} has no banner."} for number in range(count)]
        return self.version("writing", tasks, answers, **context)

    def preferred(self, count: int = 6) -> tuple[str, str]:
        """A version of pairs."""
        tasks = [{"prompt": f"Question {n}?", "answers": [f"Yes, {n}.", "I do not know."]} for n in range(count)]
        return self.version("pairwise", tasks, [{"choice": "a"}] * count)

    def withdraw(self, project: str, version: str) -> None:
        """Take one record of a version back."""
        review = f"{labeling.API}/projects/{project}/review"
        found = labeling.ask(self.labeling, "GET", f"{review}/versions/sha256:{version}", **REVIEW).json()
        body = {"task": found["manifest"]["records"][0]["id"], "reason": "spilled"}
        assert labeling.ask(self.labeling, "POST", f"{review}/withdrawals", body, **REVIEW).status_code == 201

    def certify(self, sha256: str, envelope: bytes) -> Response:
        """Enter a certificate."""
        url = f"{API}/adapters/{sha256}/certificate"
        return self.client.post(url, content=envelope, headers=headers_for("POST", url))

    def token(self, method: str, **context: Any) -> str:
        """What the monitor says of a request to tuning."""
        return headers_for(method, f"{API}/purges", **context)[HEADER]

    def take(self, project: str, version: str, **context: Any) -> Response:
        """Have tuning read a version."""
        return self.ask("POST", "/versions", {"project": project, "version": version}, **{"action": "job"} | context)

    def start(self, version: str, configuration: dict[str, Any], name: str = "banner", **context: Any) -> str:
        """Start a run."""
        body = {"name": name, "configuration": configuration}
        started = self.ask("POST", f"/versions/{version}/runs", body, **{"action": "job"} | context)
        assert started.status_code == 201, started.text
        return str(started.json()["run"])

    def job(self, run: str, **context: Any) -> dict[str, Any]:
        """The job of a run."""
        found: dict[str, Any] = self.ask("GET", f"/jobs/{run}", **context).json()
        return found

    def ended(self, run: str, seconds: float = 300, **context: Any) -> dict[str, Any]:
        """The job of a run, once it ended."""
        end = time.monotonic() + seconds
        while (found := self.job(run, **context))["state"] in ("queued", "running"):
            assert time.monotonic() < end, found
            time.sleep(0.3)
        return found


def ask(client: TestClient, method: str, path: str, body: Any = None, /, **context: Any) -> Response:
    """A request to tuning's interface with the context that a gateway would add."""
    url = f"{API}{path}"
    return client.request(method, url, json=body, headers=headers_for(method, url, **context))
