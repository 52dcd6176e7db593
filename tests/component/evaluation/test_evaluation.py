"""The evaluation service asks a real model behind TLS, and its results certify that model or say why not."""

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

from appliance.contract.certification import standard
from appliance.contract.evaluation import read_results
from appliance.contract.tiers import decide
from appliance.errors import ApplianceError
from appliance.service.certificate import certify, check_results, verify
from appliance.service.settings import Paths
from images.evaluation.app.main import service as evaluation_service
from images.evaluation.app.model import Job
from tests.component.evaluation.conftest import ENGINE_IMAGE, Enclave
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.inference.test_certificate import CERTIFIER, PEOPLE
from tests.unit.service.support import MARKING, headers_for, settings_for
from workbench.evaluation.regenerate import check

__all__ = ["chromium"]

JOBS = "/evaluation/api/jobs"
HOLDOUTS = "/evaluation/api/holdouts"
OWN = {"models": ["smollm2"], "engine_image": ENGINE_IMAGE}


def ask(client: TestClient, method: str, url: str, body: Any = None, /, **context: Any) -> Response:
    if method == "POST" and url.startswith(JOBS):
        context = {"action": "job"} | context
    return client.request(method, url, json=body, headers=headers_for(method, url, **context))


def finished(client: TestClient, job: str, patience: float = 300) -> dict[str, Any]:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found: dict[str, Any] = ask(client, "GET", f"{JOBS}/{job}").json()
        if found["state"] not in {"queued", "running"}:
            return found
        time.sleep(0.3)
    raise TimeoutError(job)


def run(enclave: Enclave, **body: Any) -> dict[str, Any]:
    started = ask(enclave.client, "POST", JOBS, {"model": "smollm2"} | body)
    assert started.status_code == 202, started.text
    return finished(enclave.client, started.json()["id"])


@pytest.fixture(scope="module")
def job(enclave: Enclave) -> dict[str, Any]:
    """A job that reached the lowest tier."""
    done = run(enclave)
    assert done["state"] == "done", done["message"]
    return done


@pytest.mark.slow
def test_a_job_answers_all_items_under_the_persons_grant(enclave: Enclave, job: dict[str, Any]) -> None:
    assert job["answered"] == job["items"] == 12
    assert (job["tier"], job["reached"], job["reasons"]) == ("T0-sandbox", True, [])
    assert job["id"] in enclave.gateway.jobs
    assert enclave.monitor.grants[0]["job"] == job["id"]
    (record,) = [one for one in enclave.monitor.records if one["activity"] == "evaluation.run"]
    results = read_results(ask(enclave.client, "GET", f"{JOBS}/{job['id']}/results").content, "r")
    assert f"sha256:{results.sha256}" in record["outputs"], "the record names the results document"
    assert (record["subject"], record["detail"]["items"]) == ("analyst", 12)
    asked = [one for one in enclave.monitor.records if one["activity"] == "model_inference_activity"]
    assert len(asked) >= 12


@pytest.mark.slow
def test_its_results_are_what_a_person_certifies_and_the_host_computes_again(
    enclave: Enclave, job: dict[str, Any]
) -> None:
    answer = ask(enclave.client, "GET", f"{JOBS}/{job['id']}/results")
    assert answer.headers["X-Classification"] == MARKING
    results = read_results(answer.content, "results.json")
    assert (results.job, results.engine_image, results.evaluator) == (job["id"], ENGINE_IMAGE, "analyst")
    certificate, _ = verify(certify(results, CERTIFIER), "c", PEOPLE, results.model.sha256)
    check_results(certificate, results, standard(), "c")
    assert certificate.tier == "T0-sandbox"


@pytest.mark.slow
def test_no_prompt_or_answer_is_in_the_results_document(enclave: Enclave, job: dict[str, Any]) -> None:
    text = ask(enclave.client, "GET", f"{JOBS}/{job['id']}/results").text
    assert "relay" not in text
    assert "NOFORN" not in text


@pytest.mark.slow
def test_the_log_opens_in_inspect_and_its_viewer_gets_what_it_needs(enclave: Enclave, job: dict[str, Any]) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415

    view = enclave.paths.state / "jobs" / job["id"] / "view"
    log = read_eval_log(str(view / "logs" / "evaluation.eval"))
    assert (log.status, len(log.samples or [])) == ("success", 12)
    assert log.samples[0].messages[1].text == log.samples[0].input
    assert {score.name for score in log.results.scores} >= {"correct"}
    base = f"/evaluation/view/{job['id']}"
    for path in ("index.html", "assets/index.js", "logs/listing.json", "logs/evaluation.eval"):
        answer = ask(enclave.client, "GET", f"{base}/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["X-Classification"] == MARKING
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert ask(enclave.client, "GET", f"{JOBS}/{job['id']}/log").content[:2] == b"PK"
    for path in ("nothing", "assets", "assets/nothing.js", "logs"):
        assert ask(enclave.client, "GET", f"{base}/{path}").status_code == 404
    page = ask(enclave.client, "GET", f"/evaluation/jobs/{job['id']}/log")
    assert page.text.count(f">{MARKING}</div>") == 2
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_a_tier_out_of_reach_is_given_up_quickly_and_every_reason_is_told(enclave: Enclave) -> None:
    tried = run(enclave, tier="T1-administrative")
    assert (tried["state"], tried["reached"]) == ("stopped", False), tried
    assert tried["answered"] < 150 < tried["items"] / 5
    assert "out of reach" in tried["reasons"][0]
    assert any("T1 allows" in reason or "T1 demands" in reason for reason in tried["reasons"][1:])
    results = read_results(ask(enclave.client, "GET", f"{JOBS}/{tried['id']}/results").content, "r")
    assert not all(suite.complete for suite in results.suites)
    with pytest.raises(ApplianceError, match="T1-administrative is not reached"):
        certify(results, CERTIFIER)


@pytest.mark.slow
def test_jobs_queue_and_one_is_cancelled_while_it_waits_and_one_while_it_runs(enclave: Enclave) -> None:
    body = {"model": "smollm2", "suite": "security-rollup", "limit": 60}
    first, second = (ask(enclave.client, "POST", JOBS, body).json()["id"] for _ in range(2))
    assert ask(enclave.client, "POST", f"{JOBS}/{second}/cancel").json()["state"] == "stopped"
    while ask(enclave.client, "GET", f"{JOBS}/{first}").json()["answered"] < 3:
        time.sleep(0.1)
    seen = ask(enclave.client, "GET", f"{JOBS}/{first}").json()
    assert seen["state"] == "running"
    assert seen["seconds_left"] > 0
    ask(enclave.client, "POST", f"{JOBS}/{first}/cancel")
    done = finished(enclave.client, first)
    assert (done["state"], done["message"]) == ("stopped", "cancelled")
    assert 3 <= done["answered"] < 60
    assert ask(enclave.client, "POST", f"{JOBS}/{first}/cancel").status_code == 409


@pytest.mark.slow
def test_a_killed_job_goes_on_without_asking_an_answered_item_again(enclave: Enclave) -> None:
    """As after a kill: the journal ends in a line that was cut off, and the job was left running."""
    done = run(enclave, suite="reliability-abstain", limit=12)
    store = enclave.client.app.state.jobs.store  # type: ignore[attr-defined]
    journal = store.folder(done["id"]) / "answers.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:7]) + lines[7][:20])
    store.keep(store.get(done["id"]).model_copy(update={"state": "interrupted", "reached": None}))
    before = len(enclave.monitor.records)
    assert ask(enclave.client, "POST", f"{JOBS}/{done['id']}/resume", None, subject="other").status_code == 409
    assert ask(enclave.client, "POST", f"{JOBS}/{done['id']}/resume").status_code == 202
    again = finished(enclave.client, done["id"])
    assert (again["state"], again["answered"]) == ("done", 12)
    asked = [one for one in enclave.monitor.records[before:] if one["activity"] == "model_inference_activity"]
    assert len(asked) == 5
    identifiers = [json.loads(line)["item"] for line in journal.read_text().splitlines()]
    assert len(identifiers) == len(set(identifiers)) == 12


@pytest.mark.slow
def test_a_job_of_a_group_is_unknown_to_who_is_no_member(enclave: Enclave, job: dict[str, Any]) -> None:
    member = {"groups": ("falcon", "heron")}
    new = {"model": "absent", "need_to_know": ["falcon"]}
    started = ask(enclave.client, "POST", JOBS, new, **member)
    assert started.status_code == 202
    assert enclave.monitor.grants[-1]["groups"] == ["falcon"]
    path = f"{JOBS}/{started.json()['id']}"
    while ask(enclave.client, "GET", path, **member).json()["state"] in {"queued", "running"}:
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
def test_two_runs_of_the_same_items_are_compared(enclave: Enclave, job: dict[str, Any]) -> None:
    other = run(enclave)
    answer = ask(enclave.client, "GET", f"/evaluation/api/compare/{job['id']}/{other['id']}").json()
    (correct,) = [one for one in answer["differences"] if one["score"] == "correct"]
    assert (correct["suite"], correct["n"]) == ("smoke", 12)
    assert correct["adjusted"] >= correct["p"]


@pytest.mark.slow
def test_a_model_that_nobody_serves_fails_with_one_clear_message(enclave: Enclave) -> None:
    started = ask(enclave.client, "POST", JOBS, {"model": "absent"})
    failed = finished(enclave.client, started.json()["id"])
    assert (failed["state"], failed["message"]) == ("failed", "model absent does not answer through the gateway")
    assert ask(enclave.client, "GET", f"{JOBS}/{failed['id']}/results").status_code == 404


@pytest.mark.slow
def test_a_hold_out_of_two_custodians_is_committed_exposed_sealed_and_burnt(enclave: Enclave) -> None:
    client, halves = enclave.client, ("1f" * 32, "2e" * 32)
    body = {"model": "smollm2", "suite": "security-leak", "limit": 6, "generation": 7}
    refused = ask(client, "POST", JOBS, body)
    assert refused.json()["error"]["message"] == "the key of generation 7 has not been entered"
    for number, (name, half) in enumerate(zip(("ann", "bob"), halves, strict=True), 1):
        entered = ask(client, "POST", HOLDOUTS, {"generation": 7, "half": half}, subject=name)
        assert (entered.status_code, len(entered.json()["custodians"])) == (201, number)
    (commit,) = [one for one in enclave.monitor.records if one["activity"] == "holdout.commit"]
    assert ask(client, "POST", JOBS, body, subject="ann").status_code == 409, "a custodian evaluates nothing"
    done = run(enclave, **{key: value for key, value in body.items() if key != "model"})
    assert done["state"] == "done", done
    activities = [one["activity"] for one in enclave.monitor.records]
    (exposure,) = [one for one in enclave.monitor.records if one["activity"] == "holdout.expose"]
    after = activities[activities.index("holdout.expose") + 1 :]
    assert after.count("model_inference_activity") == 6, "the exposure is recorded before the first request"
    results = read_results(ask(client, "GET", f"{JOBS}/{done['id']}/results").content, "r")
    hold_out = results.suites[0].hold_out
    assert not hold_out.published
    assert f"sha256:{hold_out.commitment}" in commit["outputs"]
    assert f"sha256:{hold_out.commitment}" in exposure["inputs"]
    _check_sealed(enclave, done["id"])
    assert ask(client, "GET", HOLDOUTS).json()["holdouts"] == {}, "the key is forgotten"
    again = ask(client, "POST", HOLDOUTS, {"generation": 7, "half": halves[0]}, subject="ann")
    assert again.json()["error"]["message"] == "generation 7 is used up"


@pytest.mark.slow
def test_the_key_of_a_used_hold_out_is_published_by_two_and_everybody_checks_the_answers(enclave: Enclave) -> None:
    client, halves, publications = enclave.client, ("5e" * 32, "6f" * 32), f"{HOLDOUTS}/publications"
    for name, half in zip(("ann", "bob"), halves, strict=True):
        ask(client, "POST", HOLDOUTS, {"generation": 11, "half": half}, subject=name)
    early = ask(client, "POST", publications, {"generation": 11, "half": halves[0]}, subject="ann")
    assert "is not burnt" in early.json()["error"]["message"]
    done = run(enclave, suite="security-leak", limit=6, generation=11)
    assert done["state"] == "done", done
    assert ask(client, "GET", HOLDOUTS).json()["burnt"]["11"] == [done["id"]]
    assert ask(client, "GET", "/evaluation/holdouts/11").status_code == 404

    def enter(half: str, name: str) -> Response:
        return ask(client, "POST", publications, {"generation": 11, "half": half}, subject=name)

    assert enter(halves[0], "ann").json()["published"] is False
    assert enter(halves[1], "ann").json()["published"] is False, "one person is not two custodians"
    assert "two different halves" in enter(halves[1], "bob").json()["error"]["message"]
    enter(halves[0], "ann")
    assert "not the key that was committed" in enter("7a" * 32, "bob").json()["error"]["message"]
    assert "11" not in ask(client, "GET", HOLDOUTS).json()["published"]
    enter(halves[0], "ann")
    assert enter(halves[1], "bob").json()["published"] is True
    record = next(one for one in enclave.monitor.records if one["activity"] == "holdout.publish")
    results = ask(client, "GET", f"{JOBS}/{done['id']}/results")
    read = read_results(results.content, "r")
    assert f"sha256:{read.suites[0].hold_out.commitment}" in record["outputs"]
    key = ask(client, "GET", HOLDOUTS).json()["published"]["11"]
    page = ask(client, "GET", "/evaluation/holdouts/11")
    assert "6 items have the score" in page.text
    assert "DIFFER" not in page.text
    answers = ask(client, "GET", f"{JOBS}/{done['id']}/answers").text
    lines = [json.loads(line) for line in answers.splitlines()]
    assert all(not line["text"] for line in lines)
    (found,) = check(read, lines, bytes.fromhex(key))
    assert (found.right, found.scored) == (True, 6)


def _check_sealed(enclave: Enclave, job: str) -> None:
    """No page, log or file has a question, an expected or a given answer of the hold-out."""
    from inspect_ai.log import read_eval_log  # noqa: PLC0415

    for url in (f"{JOBS}/{job}", f"{JOBS}/{job}/results", f"{JOBS}/{job}/report", f"/evaluation/jobs/{job}"):
        text = ask(enclave.client, "GET", url).text
        assert "relay" not in text
        assert "REFUSED" not in text
    folder = enclave.paths.state / "jobs" / job
    for line in (folder / "answers.jsonl").read_text().splitlines():
        assert json.loads(line)["text"] == ""
    log = read_eval_log(str(folder / "view" / "logs" / "evaluation.eval"))
    assert {sample.input for sample in log.samples or []} == {"(sealed hold-out)"}
    assert "relay" not in log.model_dump_json()


def test_one_person_is_not_two_custodians(enclave: Enclave) -> None:
    for half in ("3a" * 32, "4b" * 32):
        entered = ask(enclave.client, "POST", HOLDOUTS, {"generation": 8, "half": half}, subject="ann")
    assert entered.json()["custodians"] == ["ann"]
    same = ask(enclave.client, "POST", HOLDOUTS, {"generation": 8, "half": "4b" * 32}, subject="bob")
    assert "two different halves" in same.json()["error"]["message"]
    wrong = ask(enclave.client, "POST", HOLDOUTS, {"generation": 8, "half": "4b"}, subject="bob")
    assert wrong.status_code == 422


@pytest.fixture
def service(places: Paths, tmp_path: Path) -> TestClient:
    """A service whose monitor and database are down."""
    paths = replace(places, record_socket=tmp_path / "record.sock", database=tmp_path)
    app = evaluation_service.build(settings_for("evaluation", settings=OWN), paths)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"model": "smollm2", "tier": "T9-all"}, 409, "T9-all"),
        ({"model": "smollm2", "limit": 0}, 422, "body.limit"),
        ({"model": "smollm2", "solver": "shell"}, 422, "body.solver"),
        ({"model": "gpt"}, 409, "model 'gpt'"),
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
        answer = ask(service, "POST", JOBS, {"model": "smollm2"})
        assert answer.status_code == 503
        assert ask(service, "GET", JOBS).json()["jobs"] == before


def test_without_a_record_no_half_is_taken_that_completes_a_key(service: TestClient) -> None:
    with service:
        assert ask(service, "POST", HOLDOUTS, {"generation": 9, "half": "5c" * 32}, subject="ann").status_code == 201
        assert ask(service, "POST", HOLDOUTS, {"generation": 9, "half": "6d" * 32}, subject="bob").status_code == 503
        assert ask(service, "GET", HOLDOUTS).json()["holdouts"] == {"9": ["ann"]}


def test_a_restart_shows_running_jobs_as_interrupted(service: TestClient, places: Paths) -> None:
    now = datetime.now(UTC)
    lost = Job(id="a" * 32, model="smollm2", tier="T0-sandbox", evaluator="analyst", state="running", queued=now)
    folder = places.state / "jobs" / lost.id
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(lost.model_dump_json())
    with service:
        answer = ask(service, "GET", f"{JOBS}/{lost.id}").json()
    assert answer["state"] == "interrupted"
    assert "resume it" in answer["message"]


def test_what_is_no_job_is_not_found(service: TestClient) -> None:
    with service:
        for url in (f"{JOBS}/{'0' * 32}", f"{JOBS}/x", f"/evaluation/jobs/{'0' * 32}", f"/evaluation/view/{'0' * 32}/",
                    "/evaluation/suites/x", "/evaluation/tiers/x"):  # fmt: skip
            assert ask(service, "GET", url).status_code == 404


def test_settings_that_name_no_model_stop_the_service(places: Paths) -> None:
    app = evaluation_service.build(settings_for("evaluation", settings=OWN | {"models": []}), places)
    with pytest.raises(ApplianceError, match=r"settings\.models"), TestClient(app):
        pass


def test_results_of_a_download_are_read_with_its_marking() -> None:
    from tests.unit.inference.test_certificate import results  # noqa: PLC0415

    document = json.loads(results().model_dump_json()) | {"classification": {"marking": MARKING}}
    read = read_results(json.dumps(document).encode(), "results.json")
    assert (read, read.sha256) == (results(), results().sha256)
    assert decide(standard(), "T0-sandbox", read).reached


@pytest.mark.slow
def test_pages_lead_from_start_to_results_and_log_in_a_browser(
    enclave: Enclave, job: dict[str, Any], chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    wrong = complaints(page)
    with served(enclave.client.app, lifespan="off") as url:
        page.goto(f"{url}/evaluation/")
        page.locator(f"a[href$='{job['id']}']").click()
        assert "T0-sandbox is reached" in page.inner_text("main")
        assert page.locator("svg.chart").count() > 0
        for path in (
            "/", "/board", "/holdouts", "/suites", "/packs/new", "/suites/new", "/red-team",
            "/tiers/T1-administrative", "/suites/security-leak", "/suites/markbench",
            f"/jobs/{job['id']}", f"/compare/{job['id']}/{job['id']}",
        ):  # fmt: skip
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(f"{url}/evaluation{path}")
                assert fits(page), (path, width)
                assert page.locator(".banner").all_inner_texts() == [MARKING, MARKING]
        assert [text for text in wrong if "403" not in text] == []  # the gateway's list of pages is not here
        page.goto(f"{url}/evaluation/jobs/{job['id']}")
        page.get_by_role("link", name="Open the log").click()
        viewer = page.frame_locator("iframe.viewer")
        viewer.get_by_text("smoke").first.wait_for(timeout=20_000)
        page.close()
    # The viewer asks for files that a log may have.
    assert [text for text in wrong if "404" not in text and "403" not in text] == []
