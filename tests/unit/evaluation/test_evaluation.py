"""The evaluation service runs Inspect against a real model behind TLS, and its results certify that model."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser

from appliance.errors import ApplianceError
from appliance.service.certificate import certify, read_results, verify
from appliance.service.settings import Paths
from images.evaluation.app.jobs import Job
from images.evaluation.app.main import build
from tests.unit.evaluation.conftest import ENGINE_IMAGE, Enclave
from tests.unit.inference.test_certificate import CERTIFIER, PEOPLE
from tests.unit.service.browser import chromium, complaints, served
from tests.unit.service.support import MARKING, headers_for, settings_for

__all__ = ["chromium"]

JOBS = "/evaluation/api/jobs"
OWN = {"models": ["smollm2"], "engine_image": ENGINE_IMAGE}


def ask(client: TestClient, method: str, url: str, body: Any = None, /, **context: Any) -> Response:
    return client.request(method, url, json=body, headers=headers_for(method, url, **context))


def finished(client: TestClient, job: str, patience: float = 240) -> dict[str, Any]:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found: dict[str, Any] = ask(client, "GET", f"{JOBS}/{job}").json()
        if found["state"] != "running":
            return found
        time.sleep(0.3)
    raise TimeoutError(job)


@pytest.fixture(scope="module")
def job(enclave: Enclave) -> dict[str, Any]:
    """A job that is done."""
    started = ask(enclave.client, "POST", JOBS, {"model": "smollm2", "dataset": "popularity", "limit": 6})
    assert started.status_code == 202, started.text
    assert started.json()["state"] == "running"
    second = ask(enclave.client, "POST", JOBS, {"model": "smollm2", "dataset": "popularity"})
    assert second.status_code == 409
    assert second.json()["error"]["message"] == "another evaluation is running"
    done = finished(enclave.client, started.json()["id"])
    log = enclave.paths.state / "jobs" / done["id"] / "runner.log"
    assert done["state"] == "done", done["message"] + log.read_text()
    return done


@pytest.mark.slow
def test_a_job_answers_all_samples_under_the_persons_grant(enclave: Enclave, job: dict[str, Any]) -> None:
    assert job["answered"] == job["samples"] == 6
    assert enclave.gateway.jobs == {job["id"]}
    asked = {name: enclave.monitor.grants[0][name] for name in ("job", "model", "purpose", "calls")}
    assert asked == {"job": job["id"], "model": "smollm2", "purpose": "evaluation", "calls": 6 * 3 + 10}
    assert enclave.monitor.grants[0]["context"].startswith("v2.")
    (record,) = [record for record in enclave.monitor.records if record["activity"] == "evaluation.run"]
    assert (record["subject"], record["detail"]["samples"]) == ("analyst", 6)
    (metric,) = job["metrics"]
    assert metric["name"] == "match/accuracy"
    assert 0 <= metric["low"] < metric["value"] + 1e-9 < metric["high"] + 1e-9 <= 1 + 1e-9


@pytest.mark.slow
def test_its_results_are_what_a_person_certifies(enclave: Enclave, job: dict[str, Any]) -> None:
    answer = ask(enclave.client, "GET", f"{JOBS}/{job['id']}/results")
    assert answer.headers["X-Classification"] == MARKING
    results = read_results(answer.content, "results.json")
    assert (results.job, results.engine_image, results.evaluator) == (job["id"], ENGINE_IMAGE, "analyst")
    certificate, _ = verify(certify(results, CERTIFIER, 30), "c", PEOPLE, results.model.sha256)
    assert certificate.evaluation == results


@pytest.mark.slow
def test_the_log_is_inspects_own_and_its_viewer_gets_what_it_needs(enclave: Enclave, job: dict[str, Any]) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415

    kept = enclave.paths.state / "jobs" / job["id"]
    log = read_eval_log(str(kept / "logs" / "popularity.eval"))
    assert (log.status, len(log.samples or [])) == ("success", 6)
    view = f"/evaluation/view/{job['id']}"
    for path in ("index.html", "assets/index.js", "logs/listing.json", "logs/popularity.eval"):
        answer = ask(enclave.client, "GET", f"{view}/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["X-Classification"] == MARKING
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert ask(enclave.client, "GET", f"/evaluation/api/jobs/{job['id']}/log").content[:2] == b"PK"
    for path in ("nothing", "assets", "assets/nothing.js", "logs"):
        assert ask(enclave.client, "GET", f"{view}/{path}").status_code == 404
    page = ask(enclave.client, "GET", f"/evaluation/jobs/{job['id']}/log")
    assert page.text.count(f">{MARKING}</div>") == 2
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_a_job_of_a_group_is_unknown_to_who_is_no_member(enclave: Enclave, job: dict[str, Any]) -> None:
    member = {"groups": ("falcon", "heron")}
    new = {"model": "absent", "dataset": "popularity", "limit": 1, "need_to_know": ["falcon"]}
    started = ask(enclave.client, "POST", JOBS, new, **member)
    assert started.status_code == 202
    assert enclave.monitor.grants[-1]["groups"] == ["falcon"]
    path = f"{JOBS}/{started.json()['id']}"
    while ask(enclave.client, "GET", path, **member).json()["state"] == "running":
        time.sleep(0.1)
    page = f"/evaluation/jobs/{started.json()['id']}"
    for groups in ((), ("heron",)):
        shown = ask(enclave.client, "GET", JOBS, groups=groups).json()["jobs"]
        assert started.json()["id"] not in [one["id"] for one in shown]
        assert job["id"] in [one["id"] for one in shown]
        for hidden in (path, f"{path}/results", f"{path}/log", page, f"{page}/log", page.replace("jobs", "view") + "/"):
            assert ask(enclave.client, "GET", hidden, groups=groups).status_code == 404, hidden
        assert started.json()["id"] not in ask(enclave.client, "GET", "/evaluation/", groups=groups).text
    assert started.json()["id"] in ask(enclave.client, "GET", "/evaluation/", **member).text


@pytest.mark.slow
def test_a_model_that_nobody_serves_fails_with_one_clear_message(enclave: Enclave, job: dict[str, Any]) -> None:
    started = ask(enclave.client, "POST", JOBS, {"model": "absent", "dataset": "popularity"})
    failed = finished(enclave.client, started.json()["id"])
    assert (failed["state"], failed["message"]) == ("failed", "model absent does not answer through the gateway")
    assert ask(enclave.client, "GET", f"{JOBS}/{failed['id']}/results").status_code == 404


@pytest.fixture
def service(places: Paths, tmp_path: Path) -> TestClient:
    """A service whose monitor is down."""
    paths = replace(places, record_socket=tmp_path / "record.sock")
    return TestClient(build(settings_for("evaluation", settings=OWN), paths), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"model": "smollm2", "dataset": "elsewhere"}, 422, "body.dataset"),
        ({"model": "smollm2", "dataset": "popularity", "limit": 0}, 422, "body.limit"),
        ({"model": "smollm2", "dataset": "popularity", "solver": "shell"}, 422, "body.solver"),
        ({"model": "gpt", "dataset": "popularity"}, 409, "model 'gpt'"),
    ],
)
def test_a_bad_request_names_the_field(service: TestClient, body: dict[str, Any], status: int, word: str) -> None:
    with service:
        answer = ask(service, "POST", JOBS, body)
        assert answer.status_code == status
        assert word in answer.json()["error"]["message"]


def test_without_a_grant_nothing_starts(service: TestClient) -> None:
    with service:
        before = ask(service, "GET", JOBS).json()["jobs"]
        answer = ask(service, "POST", JOBS, {"model": "smollm2", "dataset": "popularity"})
        assert answer.status_code == 503
        assert ask(service, "GET", JOBS).json()["jobs"] == before


def test_a_restart_shows_running_jobs_as_interrupted(service: TestClient, places: Paths) -> None:
    lost = Job(
        id="a" * 32,
        model="smollm2",
        dataset="popularity",
        samples=100,
        evaluator="analyst",
        started=datetime.now(UTC),
    )
    folder = places.state / "jobs" / lost.id
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(lost.model_dump_json())
    with service:
        answer = ask(service, "GET", f"{JOBS}/{lost.id}").json()
    assert (answer["state"], answer["message"]) == ("interrupted", "the service was restarted")


def test_what_is_no_job_is_not_found(service: TestClient) -> None:
    with service:
        for url in (f"{JOBS}/{'0' * 32}", f"{JOBS}/x", f"/evaluation/jobs/{'0' * 32}", f"/evaluation/view/{'0' * 32}/"):
            assert ask(service, "GET", url).status_code == 404


def test_the_forwarder_answers_only_who_knows_the_jobs_secret(places: Paths) -> None:
    import httpx  # noqa: PLC0415

    from images.evaluation.app.forwarder import Forwarder, Ticket  # noqa: PLC0415

    with Forwarder("https://localhost:9", places) as forwarder:
        ticket = Ticket("v1.grant")
        url = forwarder.open(ticket)
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/models").status_code == 502  # nobody listens there
        assert httpx.get(url.replace(ticket.secret, "guess") + "/models").status_code == 404
        forwarder.close(ticket)
        assert httpx.get(f"{url}/models").status_code == 404


def test_settings_that_name_no_model_stop_the_service(places: Paths) -> None:
    with pytest.raises(ApplianceError, match=r"settings\.models"):
        build(settings_for("evaluation", settings=OWN | {"models": []}), places)


def test_results_of_a_download_are_read_with_its_marking() -> None:
    from tests.unit.inference.test_certificate import results  # noqa: PLC0415

    document = json.loads(results().model_dump_json()) | {"classification": {"marking": MARKING}}
    assert read_results(json.dumps(document).encode(), "results.json") == results()


@pytest.mark.slow
def test_inspects_viewer_shows_the_samples_in_a_browser(
    enclave: Enclave, job: dict[str, Any], chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    wrong = complaints(page)
    with served(enclave.client.app, lifespan="off") as url:
        page.goto(f"{url}/evaluation/")
        page.locator(f"a[href$='{job['id']}']").click()
        assert "match/accuracy" in page.inner_text("main")
        page.get_by_role("link", name="Open the log").click()
        assert page.locator(".banner").all_inner_texts() == [MARKING, MARKING]
        viewer = page.frame_locator("iframe.viewer")
        viewer.get_by_text("Is the following statement something you would say?").first.wait_for(timeout=20_000)
        page.close()
    assert [text for text in wrong if "404" not in text] == []  # the viewer asks for files that a log may have
