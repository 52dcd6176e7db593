"""Images of NITF files are looked at tile by tile, by whom may read the file, and never from above."""

import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image

from tests.component.labeling.support import ABOVE, ask, new_project
from tests.component.labeling.test_imagery import OURS
from tests.component.labeling.test_objects import FALCON, SCENE, files_of, upload
from tests.unit.service.support import headers_for
from tests.unit.workbench.imagery.test_tiles import image
from tests.unit.workbench.imagery.writing import Part, nitf

PIXELS = np.random.default_rng(0).integers(0, 256, (1030, 1500, 3), np.uint8)
DATA = nitf(
    [
        Part("text", "U", b"canary"),
        image(PIXELS, "P", (512, 512)),
        Part("image", data=b"x", values={"compression": "C8"}),
    ],
    OURS,
)


def read(client: TestClient, url: str, tile: str, /, **context: Any) -> Response:
    path = f"{url}/images/{tile}"
    return client.get(path, headers=headers_for("GET", path, **context))


def test_the_tiles_of_a_scene_are_its_pixels_under_its_marking(client: TestClient) -> None:
    url, job = upload(client, new_project(client), DATA, name="scene.ntf")
    assert job["state"] == "done", job
    found = ask(client, "GET", f"{url}/images").json()
    assert found["tile"] == 1024
    assert [(one["number"], one["rows"], one["columns"], one["tiles"]) for one in found["images"]] == [
        (1, 1030, 1500, {"rows": 2, "columns": 2}),
        (2, 4, 4, {"rows": 0, "columns": 0}),
    ]
    answer = read(client, url, "1/tiles/1/1")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Classification"] == "SECRET//REL TO USA, GBR"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), PIXELS[1024:, 1024:])
    lower, _ = upload(client, new_project(client), nitf([Part("image")], "U"), name="low.ntf", marking="U")
    assert read(client, lower, "1/tiles/0/0").headers["X-Classification"] == "UNCLASSIFIED"


@pytest.mark.parametrize("tile", ["1/tiles/2/0", "1/tiles/-1/0", "2/tiles/0/0", "0/tiles/0/0", "3/tiles/0/0"])
def test_a_tile_that_is_not_there_looks_as_a_file_that_is_not(client: TestClient, tile: str) -> None:
    project = new_project(client)
    url, _ = upload(client, project, DATA, name="scene.ntf")
    answers = [read(client, one, tile) for one in (url, f"{files_of(project)}/{project}")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_tiles_of_a_group_are_absent_for_others_and_for_sessions_from_above(client: TestClient) -> None:
    project = new_project(client)
    hidden, job = upload(client, project, DATA, name="scene.ntf", groups=["falcon"], context=FALCON)
    assert job["state"] == "done", job
    assert read(client, hidden, "1/tiles/0/0", **FALCON).status_code == 200
    absent = f"{files_of(project)}/{project}"
    for path in ("/images", "/images/1/tiles/0/0"):
        answers = [ask(client, "GET", f"{url}{path}") for url in (hidden, absent)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].content == answers[1].content
        assert client.get(hidden + path, headers=headers_for("GET", hidden + path, **ABOVE)).status_code == 404


def test_what_is_no_nitf_has_no_tiles(client: TestClient) -> None:
    url, _ = upload(client, new_project(client), SCENE)
    answer = ask(client, "GET", f"{url}/images")
    assert (answer.status_code, answer.json()["error"]["message"]) == (409, "the file is image/png")
