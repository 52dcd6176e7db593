"""Files that people upload: what is wrong is named with its place, and of a wrong file nothing is added."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.component.labeling.support import API, ask, new_project
from tests.kinds import KINDS
from tests.unit.service.support import headers_for

GOOD = {"prompt": "p", "answers": ["a", "b"]}
STUDIO: dict[str, Any] = {"data": {"prompt": "p", "answer1": "a", "answer2": "b"}}


def upload(client: TestClient, project: str, name: str, content: bytes) -> tuple[int, str]:
    url = f"/labeling/projects/{project}/upload"
    files = {"file": (name, content)}
    headers = headers_for("POST", url) | {"Accept": "text/html"}
    answer = client.post(url, files=files, headers=headers)
    return answer.status_code, answer.text


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", lines(GOOD, GOOD)),
        ("a.json", json.dumps([{"data": {"prompt": "p", "answer1": "a", "answer2": "b"}}] * 2).encode()),
        ("a.csv", b'prompt,answer1,answer2\r\np,a,b\r\nq,"a, too",b\r\n'),
        ("A.CSV", "\ufeffprompt,answer1,answer2\np,ä,b\nq,a,b\n".encode()),
    ],
)
def test_each_form_of_file_is_taken(client: TestClient, name: str, content: bytes) -> None:
    project = new_project(client)
    status, text = upload(client, project, name, content)
    assert status == 200, text
    assert "2 tasks added" in text


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"\xff\xfe", "byte 0"),
        ("a.json", "[1]".encode("utf-16"), "is not UTF-8, but UTF-16"),
        (
            "a.jsonl",
            lines(GOOD) + b'{"prompt": "p", "marking": "(S)", "marking": "(U)"}',
            "twice",
        ),
        ("a.json", b'[{"data": {"prompt": "p", "answer1": "a", "answer1": "b", "answer2": "b"}}]', "twice"),
        ("a.jsonl", lines(GOOD) + b'{"prompt": "\\ud800", "answers": ["a", "b"]}', "line 2.prompt"),
        ("a.jsonl", lines(GOOD) + b'{"prompt": NaN}', "holds NaN"),
        ("a.json", json.dumps([STUDIO] * 10_001).encode(), "10001 tasks"),
        ("a.jsonl", lines(*[GOOD] * 10_001), "10001 tasks"),
        ("a.jsonl", lines(GOOD) + b"{broken\n", "line 2"),
        ("a.jsonl", b"[" * 100_000, "line 1"),
        ("a.jsonl", lines(GOOD, {"prompt": "p", "answers": ["a"]}), "tasks.1.data.answers"),
        ("a.jsonl", lines(GOOD, GOOD | {"odd": 1}), "tasks.1.data.odd"),
        ("a.jsonl", lines(GOOD | {"marking": "TOP SECRET//NOFORN"}), "tasks.0.marking"),
        ("a.jsonl", lines(GOOD | {"marking": ""}), "tasks.0.marking"),
        ("a.jsonl", lines(GOOD | {"groups": ["falcon"]}), "tasks.0.groups"),
        ("a.jsonl", lines(GOOD | {"external_id": "7"}, GOOD | {"external_id": "7"}), "tasks.1.external_id"),
        ("a.jsonl", lines(GOOD | {"gold": {"choice": "c"}}), "tasks.0.gold"),
        ("a.json", b"{}", "no list"),
        ("a.json", b'[{"data": {"prompt": "p", "answer1": "a"}}]', "0.data.answers"),
        (
            "a.json",
            json.dumps([STUDIO | {"annotations": [{}]}]).encode(),
            "annotations.0",
        ),
        (
            "a.json",
            json.dumps(
                [STUDIO | {"annotations": [{"result": [{"type": "rectanglelabels", "value": {"x": 1}}]}]}]
            ).encode(),
            "annotations.0.result",
        ),
        ("a.csv", b"prompt,prompt\np,q\n", "stands twice"),
        ("a.csv", b"prompt,answer1,answer2\np,a\n", "row 2"),
        ("a.csv", b'prompt,answer1,answer2\n"p,a,b\n', "row"),
        ("a.zip", b"PK\x03\x04", "is no .jsonl"),
        ("a.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', "is no .jsonl"),
        ("", b"x", "no .jsonl"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place_and_adds_nothing(
    client: TestClient, name: str, content: bytes, word: str
) -> None:
    project = new_project(client)
    status, text = upload(client, project, name or "x", content)
    assert status == 409
    assert word in text
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 0


def test_what_others_call_a_task_is_taken_once(client: TestClient) -> None:
    project = new_project(client)
    assert upload(client, project, "a.jsonl", lines(GOOD | {"external_id": "7"}))[0] == 200
    status, text = upload(client, project, "a.jsonl", lines(GOOD, GOOD | {"external_id": "7"}))
    assert (status, "is in the project already" in text) == (409, True)
    assert ask(client, "GET", f"{API}/projects/{project}").json()["tasks"] == 1


def test_a_formula_is_text_in_and_out(client: TestClient) -> None:
    project = new_project(client)
    formula = '=HYPERLINK("http://x","y")'
    content = f'prompt,answer1,answer2\n"{formula.replace(chr(34), chr(34) * 2)}",a,b\n'.encode()
    assert upload(client, project, "a.csv", content)[0] == 200
    (task,) = ask(client, "GET", f"{API}/projects/{project}/tasks").json()["tasks"]
    assert task["data"]["prompt"] == formula


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_leaves_as_label_studio_s_json_and_comes_back(client: TestClient, kind: str) -> None:
    first, second = new_project(client, kind), new_project(client, kind)
    body = {"tasks": [{"data": KINDS[kind]["data"]}]}
    (task,) = ask(client, "POST", f"{API}/projects/{first}/tasks", body).json()["tasks"]
    url = f"{API}/projects/{first}/tasks/{task}/answers"
    for who, value in zip(("ann", "bob"), KINDS[kind]["answers"], strict=True):
        assert ask(client, "POST", url, {"value": value}, subject=who).status_code == 201
    export = ask(client, "GET", f"{API}/export/{first}/label-studio", action="export")
    status, text = upload(client, second, "a.json", export.content)
    assert status == 200, text
    again = ask(client, "GET", f"{API}/export/{second}/label-studio", action="export")
    assert again.json()[0]["annotations"] == export.json()[0]["annotations"]
    assert len(again.json()[0]["annotations"]) == 2
    assert ask(client, "GET", f"{API}/projects/{second}").json()["done"] == 1


def test_a_form_that_is_wrong_keeps_what_was_filled_in(client: TestClient) -> None:
    url = "/labeling/new/topics"
    data = {"name": "", "guidelines": "Be brief.", "lines": "Weather | rain\nWeather", "overlap": "2"}
    answer = client.post(url, data=data, headers=headers_for("POST", url), follow_redirects=False)
    assert answer.status_code == 409
    assert "Be brief." in answer.text
    data |= {"name": "Topics"}
    twice = client.post(url, data=data, headers=headers_for("POST", url), follow_redirects=False)
    assert "stands twice" in twice.text
    data |= {"lines": "Weather | rain\nOther"}
    made = client.post(url, data=data, headers=headers_for("POST", url), follow_redirects=False)
    assert made.status_code == 303
    project = made.headers["Location"].split("/")[3]
    schema = ask(client, "GET", f"{API}/projects/{project}").json()["schema"]
    assert schema["labels"] == [{"name": "Weather", "description": "rain"}, {"name": "Other"}]
