"""Files of projects: uploaded in parts, looked at, read by ranges, unknown to others, erased."""

import base64
import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import psycopg.sql
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Browser

from appliance.service.objects import PART, Volume
from appliance.service.settings import Paths
from images.labeling.app.main import build
from tests.component.labeling.support import ABOVE, API, ask, new_project
from tests.component.service.browser import chromium, complaints, fits, served
from tests.unit.service.support import MARKING, Monitor, headers_for, settings_for

__all__ = ["chromium"]
FALCON: dict[str, Any] = {"groups": ("falcon",)}
SCENE = b"\x89PNG\r\n\x1a\n" + b"canary scene " * 400_000


def files_of(project: str) -> str:
    return f"{API}/projects/{project}/files"


def begin(client: TestClient, project: str, data: bytes, /, *, name: str = "scene.png", **body: Any) -> Response:
    context = body.pop("context", {})
    return ask(client, "POST", files_of(project), {"name": name, "size": len(data)} | body, **context)


def put(client: TestClient, url: str, number: int, part: bytes, /, *, said: bytes | None = None, **context: Any) -> int:
    path = f"{url}/parts/{number}"
    digest = base64.b64encode(hashlib.sha256(part if said is None else said).digest()).decode()
    headers = headers_for("PUT", path, **{"action": "write"} | context) | {"Content-Digest": f"sha-256=:{digest}:"}
    return int(client.put(path, content=part, headers=headers).status_code)


def finish(client: TestClient, url: str, /, *, sha256: str | None = None, **context: Any) -> dict[str, Any]:
    """Finish an upload, and the job when it has ended."""
    answer = ask(client, "POST", f"{url}/finish", {"sha256": sha256}, **{"action": "job"} | context)
    assert answer.status_code == 202, answer.text
    job, end = f"/labeling/api/jobs/{answer.json()['job']}", time.monotonic() + 60
    while True:
        found: dict[str, Any] = ask(client, "GET", job, **context).json()
        if found["state"] not in {"queued", "running"}:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def upload(client: TestClient, project: str, data: bytes, /, **values: Any) -> tuple[str, dict[str, Any]]:
    """URL of a file, and the job that looked at it."""
    context = values.get("context", {})
    begun = begin(client, project, data, **values)
    assert begun.status_code == 201, begun.text
    url = f"{files_of(project)}/{begun.json()['id']}"
    for number in range(begun.json()["parts"]):
        assert put(client, url, number, data[number * PART : (number + 1) * PART], **context) == 204
    return url, finish(client, url, **context)


def read(client: TestClient, url: str, ranges: str = "", /, **context: Any) -> Response:
    headers = headers_for("GET", f"{url}/content", **context) | ({"Range": ranges} if ranges else {})
    return client.get(f"{url}/content", headers=headers)


def test_a_file_comes_in_parts_in_any_order_and_after_a_break(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client)
    begun = begin(client, project, SCENE).json()
    assert (begun["part_size"], begun["parts"]) == (PART, 3)
    url = f"{files_of(project)}/{begun['id']}"
    assert put(client, url, 2, SCENE[2 * PART :]) == 204
    assert ask(client, "GET", f"{url}/missing").json()["missing"] == [0, 1]
    assert ask(client, "POST", f"{url}/finish", {}, action="job").status_code == 409
    assert put(client, url, 0, b"x" * PART) == 204
    assert put(client, url, 0, SCENE[:PART]) == 204, "sent again, it replaces"
    assert put(client, url, 1, SCENE[PART : 2 * PART]) == 204
    assert read(client, url).status_code == 404, "nobody reads it before it was looked at"
    done = finish(client, url, sha256=hashlib.sha256(SCENE).hexdigest())
    assert (done["state"], done["result"]["media_type"], done["total"]) == ("done", "image/png", 3)
    answer = read(client, url)
    assert answer.content == SCENE
    assert (answer.headers["X-Classification"], answer.headers["Content-Type"]) == (MARKING, "image/png")
    (record,) = [one for one in monitor.records if one["activity"] == "file.create"]
    assert record["outputs"] == [f"sha256:{hashlib.sha256(SCENE).hexdigest()}"]
    assert (record["subject"], record["restriction"]) == ("analyst", "S;;GBR,USA||")


def test_parts_of_a_file_come_at_once_and_its_end_waits_for_them(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project(client)
    url = f"{files_of(project)}/{begin(client, project, SCENE).json()['id']}"
    write, writing, go_on = Volume.write, threading.Event(), threading.Event()

    def slow(volume: Volume, identifier: UUID, key: bytes, number: int, data: bytes) -> None:
        if number == 0:
            writing.set()
            assert go_on.wait(30)
        write(volume, identifier, key, number, data)

    monkeypatch.setattr(Volume, "write", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(put, client, url, 0, SCENE[:PART])
        assert writing.wait(30)
        assert put(client, url, 1, SCENE[PART : 2 * PART]) == 204, "it waits for no other part"
        assert put(client, url, 2, SCENE[2 * PART :]) == 204
        assert ask(client, "POST", f"{url}/finish", {}, action="job").status_code == 409, "a part is not there yet"
        again = pool.submit(put, client, url, 1, SCENE[PART : 2 * PART])
        assert again.result(30) == 204
        go_on.set()
        assert first.result(30) == 204
    assert finish(client, url, sha256=hashlib.sha256(SCENE).hexdigest())["state"] == "done"
    assert read(client, url).content == SCENE


def test_no_part_comes_after_the_end_of_an_upload(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    project = new_project(client)
    url = f"{files_of(project)}/{begin(client, project, SCENE).json()['id']}"
    for number in range(3):
        assert put(client, url, number, SCENE[number * PART : (number + 1) * PART]) == 204
    write, writing, go_on = Volume.write, threading.Event(), threading.Event()

    def slow(volume: Volume, identifier: UUID, key: bytes, number: int, data: bytes) -> None:
        writing.set()
        assert go_on.wait(30)
        write(volume, identifier, key, number, data)

    monkeypatch.setattr(Volume, "write", slow)
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(put, client, url, 1, b"x" * PART)
        assert writing.wait(30)
        ended = pool.submit(finish, client, url)
        time.sleep(0.3)
        assert not ended.done(), "it waits for the part that is being written"
        go_on.set()
        assert late.result(30) == 204
        ended.result(60)
    assert read(client, url).content == SCENE[:PART] + b"x" * PART + SCENE[2 * PART :], "what was looked at is read"
    assert put(client, url, 1, SCENE[PART : 2 * PART]) == 409


@pytest.mark.parametrize(
    ("number", "part", "said", "status"),
    [
        (0, SCENE[:PART], b"other", 409),
        (0, SCENE[:100], None, 409),
        (3, SCENE[:PART], None, 409),
        (-1, SCENE[:PART], None, 409),
        (2, SCENE[:PART], None, 409),
        (0, b"", None, 409),
    ],
)
def test_a_part_that_is_not_what_was_said_is_refused(
    client: TestClient, number: int, part: bytes, said: bytes | None, status: int
) -> None:
    project = new_project(client)
    url = f"{files_of(project)}/{begin(client, project, SCENE).json()['id']}"
    assert put(client, url, number, part, said=said) == status
    assert ask(client, "GET", f"{url}/missing").json()["missing"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("wanted", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        (f"bytes={PART - 5}-{PART + 4}", 206, PART - 5, PART + 5),
        ("bytes=5000000-", 206, 5_000_000, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=0-999999999999", 206, 0, None),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-3", 200, 0, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_ranges(client: TestClient, wanted: str, status: int, start: int, stop: int | None) -> None:
    project = new_project(client)
    url, _ = upload(client, project, SCENE)
    answer = read(client, url, wanted)
    assert answer.status_code == status
    assert answer.content == SCENE[start:stop]
    assert answer.headers["X-Classification"] == MARKING
    if status == 206:
        first = start % len(SCENE)
        last = first + len(answer.content) - 1
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(SCENE)}"


def test_a_file_of_a_group_changes_nothing_that_others_see(client: TestClient) -> None:
    project = new_project(client)
    own, _ = upload(client, project, SCENE)
    before = ask(client, "GET", files_of(project)).content
    hidden, done = upload(client, project, SCENE, groups=["falcon"], context=FALCON)
    assert done["result"]["object"] in hidden, "what is there under another restriction is not told"
    assert read(client, hidden, **FALCON).content == SCENE
    assert ask(client, "GET", files_of(project)).content == before
    absent = f"{files_of(project)}/{project}"
    part = SCENE[:PART]
    for method, path in (("GET", ""), ("GET", "/content"), ("GET", "/missing"), ("POST", "/finish"), ("DELETE", "")):
        body: dict[str, Any] | None = {} if method == "POST" else None
        answers = [ask(client, method, f"{url}{path}", body) for url in (hidden, absent)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert put(client, hidden, 0, part) == put(client, absent, 0, part) == 404
    assert read(client, hidden, **FALCON).content == SCENE
    assert read(client, own).content == SCENE


def test_what_is_hidden_fills_no_room(client: TestClient) -> None:
    client.app.state.objects._quota = len(SCENE) + 10  # type: ignore[attr-defined]
    project = new_project(client)
    upload(client, project, SCENE, groups=["falcon"], context=FALCON)
    full = begin(client, project, SCENE, groups=["falcon"], context=FALCON)
    assert full.status_code == 409
    assert "no room" in full.json()["error"]["message"]
    assert begin(client, project, SCENE).status_code == 201
    assert begin(client, project, SCENE).status_code == 409, "room is reserved before the first byte"


def test_the_same_content_is_kept_once_within_a_restriction(client: TestClient, paths: Paths) -> None:
    project = new_project(client)
    first, _ = upload(client, project, SCENE)
    second, done = upload(client, project, SCENE, name="again.png")
    assert f"{files_of(project)}/{done['result']['object']}" == first
    assert read(client, second).status_code == 404
    assert ask(client, "GET", second).json()["state"] == "refused"
    assert "has it already" in ask(client, "GET", second).json()["message"]
    other, _ = upload(client, new_project(client), SCENE)
    assert read(client, other).content == SCENE, "another project has its own"


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"PK\x03\x04" + b"x" * 100, "scene.png", "application/zip by its content"),
        (b"MZ\x90\x00" + b"x" * 100, "notes.txt", "application/octet-stream by its content"),
        (b"plain text " * 1000 + b"\x00", "notes.txt", "neither text"),
        (b"plain text \xff", "notes.txt", "application/octet-stream by its content"),
        (b"II*\0ftyp" + b"x" * 100, "scene.tif", "application/octet-stream by its content"),
    ],
)
def test_what_is_not_what_it_should_be_is_refused_and_nothing_of_it_stays(
    client: TestClient, paths: Paths, monitor: Monitor, data: bytes, name: str, why: str
) -> None:
    project = new_project(client)
    url, job = upload(client, project, data, name=name)
    assert (job["state"], why in job["message"]) == ("failed", True), job["message"]
    shown = ask(client, "GET", url).json()
    assert (shown["state"], why in shown["message"], shown["sha256"]) == ("refused", True, None)
    assert read(client, url).status_code == 404
    assert not list((paths.state / "objects").iterdir())
    (record,) = [one for one in monitor.records if one["activity"].startswith("file.")]
    assert (record["activity"], record["outputs"], record["restriction"]) == ("file.refuse", [], "S;;GBR,USA||")
    assert why in record["detail"]["why"]
    with owner(paths) as connection:
        assert connection.execute("SELECT used FROM appliance.object_space").fetchall() == [(0,)]


def test_another_digest_than_was_said_is_refused(client: TestClient) -> None:
    project = new_project(client)
    url = f"{files_of(project)}/{begin(client, project, SCENE[:100]).json()['id']}"
    put(client, url, 0, SCENE[:100])
    assert finish(client, url, sha256="0" * 64)["message"].startswith("the file has another SHA-256")


def test_nothing_is_changed_after_it_was_finished(client: TestClient, paths: Paths) -> None:
    """What was looked at is what is read."""
    project = new_project(client)
    url, _ = upload(client, project, SCENE[:PART])
    assert put(client, url, 0, b"x" * PART) == 409
    assert ask(client, "POST", f"{url}/finish", {}, action="job").status_code == 409
    begun = f"{files_of(project)}/{begin(client, project, SCENE[:100]).json()['id']}"
    put(client, begun, 0, SCENE[:100])
    with owner(paths) as connection:  # its job has not begun yet
        connection.execute("UPDATE appliance.object SET state = 'checking' WHERE state = 'open'")
    assert put(client, begun, 0, b"x" * 100) == 409


def test_an_upload_is_its_person_s(client: TestClient) -> None:
    project = new_project(client)
    url = f"{files_of(project)}/{begin(client, project, SCENE).json()['id']}"
    assert put(client, url, 0, SCENE[:PART], subject="other") == 404
    assert ask(client, "GET", f"{url}/missing", subject="other").status_code == 404
    assert ask(client, "POST", f"{url}/finish", {}, action="job", subject="other").status_code == 404
    assert ask(client, "GET", f"{url}/missing").json()["missing"] == [0, 1, 2]


def test_no_session_from_above_reaches_a_file(client: TestClient) -> None:
    project = new_project(client)
    url, _ = upload(client, project, SCENE)
    for path in (url, f"{url}/content", files_of(project), f"/labeling/projects/{project}/files"):
        assert client.get(path, headers=headers_for("GET", path, **ABOVE)).status_code == 404


def test_a_shell_without_a_context_has_ciphertext_and_no_key(client: TestClient, paths: Paths) -> None:
    upload(client, new_project(client), SCENE)
    found = [path for path in (paths.state / "objects").rglob("*") if path.is_file()]
    assert len(found) == 3
    assert not [path for path in found if b"canary" in path.read_bytes()]
    with psycopg.connect(f"host={paths.database} dbname=labeling user=labeling", autocommit=True) as shell:
        for table in ("object", "object_part", "object_space", "restriction"):
            count = psycopg.sql.SQL("SELECT count(*) FROM appliance.{}").format(psycopg.sql.Identifier(table))
            assert shell.execute(count).fetchone() == (0,)
        for statement in (
            "DELETE FROM appliance.object",
            "UPDATE appliance.object SET created_by = 'me'",
            "TRUNCATE appliance.object",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                shell.execute(statement.encode())


def test_an_erased_file_is_gone_for_all_and_that_is_recorded_first(
    client: TestClient, paths: Paths, monitor: Monitor
) -> None:
    project = new_project(client)
    url, _ = upload(client, project, SCENE)
    monitor.refuse = True
    assert ask(client, "DELETE", url, action="review").status_code == 503
    assert read(client, url).content == SCENE
    monitor.refuse = False
    assert ask(client, "DELETE", url, action="review").json()["state"] == "erased"
    assert read(client, url).status_code == 404
    assert not list((paths.state / "objects").iterdir())
    assert monitor.records[-1]["inputs"] == [f"sha256:{hashlib.sha256(SCENE).hexdigest()}"]
    with owner(paths) as connection:
        assert connection.execute("SELECT key, state FROM appliance.object").fetchall() == [(None, "erased")]
        assert connection.execute("SELECT used FROM appliance.object_space").fetchall() == [(0,)]
    assert upload(client, project, SCENE)[1]["state"] == "done"


def test_what_nobody_uses_and_what_was_given_up_is_collected(client: TestClient, paths: Paths) -> None:
    project = new_project(client)
    used, _ = upload(client, project, SCENE)
    unused, _ = upload(client, project, SCENE[:100])
    given_up = f"{files_of(project)}/{begin(client, project, SCENE).json()['id']}"
    put(client, given_up, 0, SCENE[:PART])
    (paths.state / "objects" / ("0" * 32)).mkdir()
    with owner(paths) as connection:
        connection.execute("UPDATE appliance.object SET uses = 0 WHERE size = 100")
        connection.execute("UPDATE appliance.object SET changed = now() - interval '2 days'")
    assert client.portal
    objects = client.app.state.objects  # type: ignore[attr-defined]
    gone = client.portal.call(objects.collect, 60)
    assert gone == 3
    assert [path.name for path in (paths.state / "objects").iterdir()] == [used.rpartition("/")[2].replace("-", "")]
    assert read(client, used).content == SCENE
    for url in (unused, given_up):
        assert ask(client, "GET", url).status_code == 404
    with owner(paths) as connection:
        assert connection.execute("SELECT used FROM appliance.object_space").fetchall() == [(len(SCENE),)]


def test_bad_requests_name_the_field(client: TestClient) -> None:
    project = new_project(client)
    for body, word in (
        ({"name": "../x", "size": 1}, "body.name"),
        ({"name": "x", "size": 0}, "body.size"),
        ({"name": "x", "size": 1 << 60}, "size"),
        ({"name": "x", "size": 1, "marking": "TOP SECRET//NOFORN"}, "marking"),
        ({"name": "x", "size": 1, "groups": ["falcon"]}, "groups"),
    ):
        answer = ask(client, "POST", files_of(project), body)
        assert answer.status_code in {409, 422}
        assert word in answer.json()["error"]["message"]


def test_a_person_uploads_a_file_of_several_parts_in_the_browser(
    paths: Paths, monitor: Monitor, chromium: Browser, tmp_path: Path
) -> None:
    scene = tmp_path / "harbour.png"
    scene.write_bytes(SCENE[: PART + 5])
    app = build(settings_for("labeling"), paths)
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    wrong = complaints(page)
    with served(app, action="job") as url:
        made = httpx.post(f"{url}{API}/projects", json={"name": "Harbours", "kind": "writing"})
        project = made.json()["id"]
        page.goto(f"{url}/labeling/projects/{project}/files")
        assert "no file here" in page.inner_text("main")
        page.set_input_files("input[name=file]", scene)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("link", name="harbour.png").wait_for(timeout=30_000)
        assert "image/png" in page.inner_text("table")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert fits(page), width
        page.close()
    assert wrong == []


def owner(paths: Paths) -> psycopg.Connection[Any]:
    return psycopg.connect(f"host={paths.database} dbname=labeling user=postgres", autocommit=True)
