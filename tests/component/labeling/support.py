"""Projects of every kind with tasks and answers, made through the JSON interface."""

from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.kinds import KINDS
from tests.unit.service.support import headers_for

API = "/labeling/api"
ABOVE = {"working": "TS;;USA", "level": "TS"}


def ask(client: TestClient, method: str, url: str, body: Any = None, /, **context: Any) -> Response:
    """A request with the context that a gateway would add."""
    return client.request(method, url, json=body, headers=headers_for(method, url, **context))


def new_project(client: TestClient, kind: str = "pairwise", /, **values: Any) -> str:
    """A project's identifier."""
    context = {"groups": tuple(values["groups"])} if values.get("groups") else {}
    body = {"name": "Helpfulness", "kind": kind, "schema": KINDS[kind]["schema"]} | values
    answer = ask(client, "POST", f"{API}/projects", body, **context)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def new_tasks(client: TestClient, project: str, *markings: str | None, **context: Any) -> list[str]:
    """Pairwise tasks with these markings."""
    tasks = [
        {"prompt": f"Question {number}?", "answers": ["Yes.", "No."], "marking": marking}
        for number, marking in enumerate(markings)
    ]
    answer = ask(client, "POST", f"{API}/projects/{project}/tasks", {"tasks": tasks}, **context)
    assert answer.status_code == 201, answer.text
    return list(answer.json()["tasks"])


def answer(client: TestClient, project: str, task: str, value: dict[str, Any], **context: Any) -> Response:
    """An answer to a task."""
    return ask(client, "POST", f"{API}/projects/{project}/tasks/{task}/answers", {"value": value}, **context)


def worked(client: TestClient, kind: str) -> tuple[str, str]:
    """A project of a kind with one task that two annotators answered."""
    project = new_project(client, kind)
    body = {"tasks": [{"data": KINDS[kind]["data"]}]}
    (task,) = ask(client, "POST", f"{API}/projects/{project}/tasks", body).json()["tasks"]
    for annotator, value in zip(("ann", "bob"), KINDS[kind]["answers"], strict=True):
        given = answer(client, project, task, value, subject=annotator)
        assert given.status_code == 201, given.text
    return project, task
