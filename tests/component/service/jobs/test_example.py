"""The example of a service does what its page says, before a container is built of it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from fastapi.testclient import TestClient

from appliance.contract.manifest import Manifest
from appliance.service.database.migrate import Migrations
from examples.services.notes.app.main import service
from tests.component.service.database.cluster import cluster_of
from tests.component.service.database.support import migrated
from tests.unit.service.support import Monitor, headers_for, make_paths, settings_for

NOTES = Path(__file__).parents[4] / "examples" / "services" / "notes"
JOBS = "/notes/api/jobs"


def test_notes_are_kept_counted_by_a_job_and_recorded(tmp_path: Path) -> None:
    manifest = Manifest.model_validate(yaml.safe_load((NOTES / "service.yml").read_text()))
    with cluster_of(manifest) as cluster:
        migrated(cluster, Migrations("notes", NOTES / "app" / "migrations"))
        paths = replace(make_paths(tmp_path), database=cluster.socket)
        with Monitor(paths.record_socket) as monitor, TestClient(service.build(settings_for("notes"), paths)) as client:
            sent: dict[str, Any] = {"data": {"text": "the ferry runs at noon"}, "follow_redirects": False}
            assert client.post("/notes/", headers=headers_for("POST", "/notes/"), **sent).status_code == 303
            started = headers_for("POST", "/notes/counts", action="job")
            assert client.post("/notes/counts", headers=started, follow_redirects=False).status_code == 303
            end = time.monotonic() + 60
            while True:
                (job,) = client.get(JOBS, headers=headers_for("GET", JOBS)).json()["jobs"]
                if job["state"] not in {"queued", "running"}:
                    break
                assert time.monotonic() < end, job
                time.sleep(0.05)
    assert (job["state"], job["result"]) == ("done", {"words": 5}), job
    recorded = {one["activity"] for one in monitor.records} - {"job.context"}
    assert recorded == {"notes.create", "notes.count"} == manifest.activities
