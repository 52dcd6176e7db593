"""A service answers only what the monitor allowed, and nothing leaves it without a marking."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import BaseModel

from appliance.errors import ApplianceError
from appliance.service.web.app import create_app
from appliance.service.web.middleware import CurrentContext, set_marking
from appliance.service.web.responses import not_found
from tests.unit.service.support import MARKING, headers_for, make_paths, settings_for


class Note(BaseModel):
    text: str


def demonstration(paths: Any) -> FastAPI:
    app = create_app(settings_for("labeling"), paths, max_body=1000)

    @app.get("/labeling/api/who")
    async def who(context: CurrentContext) -> dict[str, str]:
        return {"subject": context.subject}

    @app.post("/labeling/api/notes")
    async def add(note: Note) -> dict[str, int]:
        return {"length": len(note.text)}

    @app.get("/labeling/api/finer")
    def finer(request: Request) -> dict[str, str]:
        set_marking(request, "UNCLASSIFIED", derivative_source=True)
        return {}

    @app.get("/labeling/api/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamingResponse(parts())

    @app.get("/labeling/api/notes/{note}")
    async def hidden(note: str) -> None:
        raise not_found()

    @app.get("/labeling/api/broken")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    @app.get("/labeling/api/refused")
    async def refused() -> None:
        raise ApplianceError("the file is wrong", rule="a rule", remedy="do this")

    @app.get("/labeling/")
    async def page(request: Request) -> HTMLResponse:
        return app.state.pages.render(request, "error.html", message="<script>", remedy="")  # type: ignore[no-any-return]

    return app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(demonstration(make_paths(tmp_path)), raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, method: str, url: str, body: Any = None, /, **changes: Any) -> Response:
    headers = headers_for(method, url, **changes)
    return client.request(method, url, json=body, headers=headers)


def test_a_verified_context_reaches_the_handler_and_the_answer_is_marked(client: TestClient) -> None:
    response = ask(client, "GET", "/labeling/api/who")
    assert response.status_code == 200
    assert response.headers["X-Classification"] == MARKING
    assert response.json() == {
        "subject": "analyst",
        "classification": {"marking": MARKING, "derivative_source": False},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": 1},
        {"path": "/labeling/api/stream"},
        {"method": "POST"},
        {"service": "inference"},
        {"enclave": "other"},
        {"label": "U;;*", "working": "U;;*"},
    ],
)
def test_a_context_made_for_something_else_is_refused(client: TestClient, changes: dict[str, Any]) -> None:
    assert ask(client, "GET", "/labeling/api/who", **changes).status_code == 403


def test_no_context_two_contexts_and_a_garbled_one_are_refused_with_a_marking(client: TestClient) -> None:
    good = headers_for("GET", "/labeling/api/who")["X-Appliance-Context"]
    for values in ([], [good, good], ["v1.x.y"], [good + " "]):
        response = client.get("/labeling/api/who", headers=[("X-Appliance-Context", value) for value in values])
        if values == [good + " "]:
            continue  # white space around a header's value is not part of it
        assert response.status_code == 403
        assert response.headers["X-Classification"] == MARKING
        assert "analyst" not in response.text


def test_a_writing_request_is_served_once_and_a_reading_one_while_it_holds(client: TestClient) -> None:
    written = headers_for("POST", "/labeling/api/notes")
    assert client.post("/labeling/api/notes", headers=written, json={"text": "once"}).status_code == 200
    assert client.post("/labeling/api/notes", headers=written, json={"text": "twice"}).status_code == 403
    read = headers_for("GET", "/labeling/api/who")
    assert [client.get("/labeling/api/who", headers=read).status_code for _ in range(2)] == [200, 200]


def test_only_the_health_route_answers_without_a_context(client: TestClient) -> None:
    assert client.get("/labeling/health").json()["status"] == "ok"
    for path in ("/labeling/health/", "/labeling/static/appliance.css", "/openapi.json", "/docs", "/health"):
        assert client.get(path).status_code == 403


def test_absence_refusal_and_a_wrong_method_look_the_same(client: TestClient) -> None:
    answers = [
        ask(client, "GET", "/labeling/api/notes/1"),
        ask(client, "GET", "/labeling/api/nothing"),
        ask(client, "DELETE", "/labeling/api/who"),
        ask(client, "GET", "/labeling/static/nothing.css"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1


def test_a_session_at_a_higher_level_has_no_answer_here(client: TestClient) -> None:
    above = {"working": "TS;;USA", "level": "TS"}
    assert ask(client, "GET", "/labeling/api/who", **above).status_code == 404
    assert ask(client, "GET", "/labeling/api/who?q=words", **above).status_code == 404
    assert ask(client, "POST", "/labeling/api/notes", {"text": "down"}, **above).status_code == 404


@pytest.mark.parametrize("path", ["/labeling/api/%77ho/..%2fwho", "/labeling//api/who", "/labeling/api/%2e%2e/x"])
def test_paths_that_can_be_read_in_two_ways_are_refused(client: TestClient, path: str) -> None:
    assert ask(client, "GET", path).status_code == 404


def test_a_body_over_the_limit_is_refused_also_without_a_length(client: TestClient) -> None:
    response = ask(client, "POST", "/labeling/api/notes", {"text": "x" * 2000})
    assert response.status_code == 413
    assert response.json()["error"]["message"] == "the request body is larger than 1000 bytes"

    def chunks() -> Iterator[bytes]:
        yield b'{"text": "'
        for _ in range(20):
            yield b"x" * 100
        yield b'"}'

    headers = headers_for("POST", "/labeling/api/notes")
    assert client.post("/labeling/api/notes", content=chunks(), headers=headers).status_code == 413
    assert ask(client, "POST", "/labeling/api/notes", {"text": "x" * 500}).json()["length"] == 500


def test_an_error_inside_tells_the_client_nothing(client: TestClient) -> None:
    response = ask(client, "GET", "/labeling/api/broken")
    assert response.status_code == 500
    assert response.headers["X-Classification"] == MARKING
    assert "secret detail" not in response.text
    assert response.json()["classification"]["marking"] == MARKING


def test_invalid_input_names_the_field_and_does_not_repeat_the_value(client: TestClient) -> None:
    response = ask(client, "POST", "/labeling/api/notes", {"text": ["hidden words"]})
    assert response.status_code == 422
    assert response.json()["error"]["message"].startswith("body.text: ")
    assert "hidden words" not in response.text


def test_a_refusal_carries_rule_and_remedy(client: TestClient) -> None:
    error = ask(client, "GET", "/labeling/api/refused").json()["error"]
    assert (error["message"], error["rule"], error["remedy"]) == ("the file is wrong", "a rule", "do this")


def test_a_handler_in_a_thread_can_mark_its_own_answer(client: TestClient) -> None:
    response = ask(client, "GET", "/labeling/api/finer")
    assert response.headers["X-Classification"] == "UNCLASSIFIED"
    assert response.json()["classification"] == {"marking": "UNCLASSIFIED", "derivative_source": True}
    assert ask(client, "GET", "/labeling/api/who").headers["X-Classification"] == MARKING


def test_a_stream_is_marked_before_its_first_byte(client: TestClient) -> None:
    response = ask(client, "GET", "/labeling/api/stream")
    assert (response.content, response.headers["X-Classification"]) == (b"onetwo", MARKING)


def test_pages_have_the_banner_twice_and_allow_nothing_inline(client: TestClient) -> None:
    response = ask(client, "GET", "/labeling/")
    assert response.text.count(f">{MARKING}</div>") == 2
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", response.text))
    assert "<style" not in response.text
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    style = ask(client, "GET", "/labeling/static/theme.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "background" in style.text


def test_a_demonstration_says_so_on_every_page(tmp_path: Path) -> None:
    for demo in (True, False):
        app = create_app(settings_for("labeling", settings={"demo": demo}), make_paths(tmp_path))
        with TestClient(app) as client:
            headers = headers_for("GET", "/labeling/nothing") | {"Accept": "text/html"}
            assert (">DEMO<" in client.get("/labeling/nothing", headers=headers).text) is demo


def test_each_log_line_is_json_with_the_label(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with TestClient(demonstration(make_paths(tmp_path)), raise_server_exceptions=False) as client:
        ask(client, "GET", "/labeling/api/broken")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in lines} >= {"request", "request_failed"}
    assert all(line["classification"] == MARKING for line in lines)
    assert headers_for("GET", "/labeling/api/broken")["X-Appliance-Context"][:20] not in str(lines)


def test_a_service_without_a_whole_key_does_not_start(tmp_path: Path) -> None:
    paths = make_paths(tmp_path)
    (paths.secrets / "monitor.pub").write_bytes(bytes(31))
    with pytest.raises(ApplianceError, match="31 bytes"):
        demonstration(paths)
    (paths.secrets / "monitor.pub").unlink()
    with pytest.raises(ApplianceError, match="cannot be read"):
        demonstration(paths)
