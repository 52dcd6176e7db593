"""What people do at the gateways of `enclave1` from the site's network, each service once, with the tiny model."""

import json
import time
from typing import Any

from demo.instance import appliance
from demo.users import MARKINGS, user, wait_until
from tests.vagrant.machine import Machine
from tests.vagrant.media import SITE

PATIENCE = 1800  # seconds for one evaluation on an emulated processor
QUESTION = {"model": SITE.model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}


def label_once() -> str:
    """A project, a task and a preference; returns the project."""
    with user(SITE, "annotator", "unclassified", session=True) as client:
        project = client.post("/labeling/api/projects", json={"name": "Which answer is better?"})
        assert project.status_code == 201, project.text
        assert project.headers["x-classification"] == MARKINGS["unclassified"]
        name = str(project.json()["id"])
        tasks = {"tasks": [{"prompt": "Say hello.", "answers": ["Hello.", "Go away."]}]}
        added = client.post(f"/labeling/api/projects/{name}/tasks", json=tasks)
        assert added.status_code == 201, added.text
        [task] = added.json()["tasks"]
        given = client.post(f"/labeling/api/tasks/{task}/preferences", json={"choice": "a"})
        assert given.status_code == 201, given.text
    return name


def projects() -> list[str]:
    """The projects that an annotator sees."""
    with user(SITE, "annotator", "unclassified", session=True) as client:
        listed = client.get("/labeling/api/projects")
    assert listed.status_code == 200, listed.text
    return [str(project["id"]) for project in listed.json()["projects"]]


def evaluate_once() -> dict[str, Any]:
    """What the lowest tier demands, asked of the candidate; returns the results that a person will sign."""
    with user(SITE, "evaluator", "unclassified", session=True) as client:
        started = client.post("/evaluation/api/jobs", json={"model": SITE.model})
        assert started.status_code in (201, 202), started.text
        job = f"/evaluation/api/jobs/{started.json()['id']}"

        def finished() -> bool:
            status = client.get(job).json()
            assert status["state"] not in ("failed", "interrupted"), status
            time.sleep(5)
            return bool(status["state"] == "done")

        wait_until(finished, PATIENCE, "the evaluation")
        results: dict[str, Any] = client.get(f"{job}/results").json()
    return results


def certify(machine: Machine, results: dict[str, Any]) -> None:
    """The certifier signs on a machine of their own; the sysadmin installs what they brought."""
    document = SITE.build / "results.json"
    certificate = SITE.build / "certificate.dsse.json"
    certificate.unlink(missing_ok=True)
    document.write_text(json.dumps({key: value for key, value in results.items() if key != "classification"}))
    key = next((SITE.keys / "certifiers").glob("*.pem"))
    secret = ("--passphrase-file", SITE.passphrase)
    appliance(SITE, "model", "certify", document, "--key", key, *secret, "--expires", "90", "--out", certificate)
    machine.send(certificate, "/root/certificate.dsse.json")
    machine.run("appliance model install /root/certificate.dsse.json --enclave unclassified")


def ask_once() -> dict[str, Any]:
    """One token of an answer of the model, with its marking."""
    with user(SITE, "annotator", "unclassified", session=True) as client:

        def answer() -> dict[str, Any] | None:
            got = client.post("/inference/v1/chat/completions", json=QUESTION)
            return got.json() if got.status_code == 200 else None

        answered: dict[str, Any] = wait_until(answer, 300, "serving with the certificate")
    assert answered["classification"]["marking"] == MARKINGS["unclassified"], answered
    return answered


def look_at_the_log() -> str:
    """The officer's page, between its banners."""
    with user(SITE, "officer", "system-high", session=True) as client:
        page = client.get("/console/")
    assert page.status_code == 200, page.text[:500]
    assert page.text.count(MARKINGS["system-high"]) >= 2
    assert "No valid checkpoint" not in page.text
    return page.text


def be_denied() -> None:
    """What an annotator may not see looks as if it were not there, with a certificate and without."""
    for subject in ("annotator", None):
        with user(SITE, subject, "secret") as client:
            assert client.get("/labeling/api/projects").status_code == 404
            assert client.post("/session").status_code == 404
