"""Scenes: made from files under their restriction, opened with a record, labelled with mouse and keyboard, exported."""

import base64
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

from tests import journeys, scenes
from tests.component.labeling.support import ABOVE, API, answer, ask, new_project
from tests.component.labeling.test_imagery import OURS
from tests.component.labeling.test_journeys import people
from tests.component.labeling.test_objects import FALCON, SCENE, files_of, upload
from tests.component.service.browser import chromium, fits
from tests.kinds import png
from tests.unit.service.support import Monitor
from tests.unit.workbench.imagery.test_tiles import image
from tests.unit.workbench.imagery.writing import Part, nitf

__all__ = ["chromium", "people"]
BOX = {"id": "s0", "form": "box", "label": "Cargo", "points": [[5, 5], [20, 15]]}
PNG_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
LOW = nitf(
    [image(np.zeros((40, 60, 3), np.uint8), "P", (40, 60)), Part("image", data=b"x", values={"compression": "C8"})],
    OURS,
)


def kept(client: TestClient, project: str, data: bytes = LOW, /, **values: Any) -> str:
    """URL of a file that was taken."""
    url, job = upload(client, project, data, name="harbour.ntf", **values)
    assert job["state"] == "done", job
    return url


def test_each_image_with_tiles_is_a_task_that_says_what_its_file_says(client: TestClient) -> None:
    project = new_project(client, "geometry", overlap=1)
    url = kept(client, project)
    answered = ask(client, "POST", f"{url}/tasks")
    assert answered.status_code == 201, answered.text
    (task,) = answered.json()["tasks"]
    found = ask(client, "GET", f"{API}/projects/{project}/tasks/{task}").json()
    assert found["marking"] == OURS
    assert (found["data"]["width"], found["data"]["height"]) == (60, 40)
    assert found["data"]["scene"] == {
        "file": url.rpartition("/")[2],
        "name": "harbour.ntf",
        "number": 1,
        "levels": 2,
        "bands": 3,
    }
    assert found["source"]["sha256"] == ask(client, "GET", url).json()["sha256"]
    again = ask(client, "POST", f"{url}/tasks")
    assert (again.status_code, "in the project already" in again.text) == (409, True)
    ask(client, "POST", f"{API}/projects/{project}/claims")
    assert answer(client, project, task, {"shapes": [BOX]}).status_code == 201


def test_opening_a_scene_is_recorded_with_its_file_before_it_is_seen(client: TestClient, monitor: Monitor) -> None:
    project = new_project(client, "geometry")
    url = kept(client, project)
    (task,) = ask(client, "POST", f"{url}/tasks").json()["tasks"]
    ask(client, "POST", f"{API}/projects/{project}/claims")
    page = f"/labeling/projects/{project}/annotate/{task}"
    assert ask(client, "GET", page).status_code == 200
    (record,) = [one for one in monitor.records if one["activity"] == "scene.open"]
    assert record["subject"] == "analyst"
    assert record["inputs"] == [f"sha256:{ask(client, 'GET', url).json()['sha256']}"]
    assert record["detail"] == {"project": project, "task": task, "object": url.rpartition("/")[2]}
    monitor.unrecordable = {"scene.open"}
    unrecorded = ask(client, "GET", page)
    assert unrecorded.status_code == 503
    assert "harbour" not in unrecorded.text


def test_a_scene_has_the_groups_and_the_originator_control_of_its_file(client: TestClient) -> None:
    project = new_project(client, "geometry")
    controlled = "S//OC/REL TO USA, GBR"
    hidden = kept(client, project, groups=["falcon"], context=FALCON)
    owned = kept(client, project, nitf([Part("image")], controlled), marking=controlled)
    (task,) = ask(client, "POST", f"{hidden}/tasks", **FALCON).json()["tasks"]
    (other,) = ask(client, "POST", f"{owned}/tasks").json()["tasks"]
    path = f"{API}/projects/{project}/tasks"
    assert ask(client, "GET", f"{path}/{task}", **FALCON).json()["groups"] == ["falcon"]
    assert ask(client, "GET", f"{path}/{other}").json()["marking"] == controlled
    for url in (f"{path}/{task}", f"{path}/{project}"):
        assert ask(client, "GET", url).status_code == 404
    absent = f"{files_of(project)}/{project}"
    for context in ({}, ABOVE):
        answers = [ask(client, "POST", f"{url}/tasks", **context) for url in (hidden, absent)]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    for form in ("coco", "geojson"):
        refused = ask(client, "GET", f"{API}/export/{project}/{form}", action="export")
        assert refused.status_code == 404, "a scene under originator control leaves with their decision alone"


def test_a_png_is_a_scene_that_is_shown_whole(client: TestClient) -> None:
    project = new_project(client, "geometry")
    url = kept(client, project, base64.b64decode(png(60, 40)))
    (task,) = ask(client, "POST", f"{url}/tasks").json()["tasks"]
    data = ask(client, "GET", f"{API}/projects/{project}/tasks/{task}").json()["data"]
    assert (data["width"], data["height"], data["scene"].get("levels")) == (60, 40, None)
    ask(client, "POST", f"{API}/projects/{project}/claims")
    assert f'data-image="{url}/content"' in ask(client, "GET", f"/labeling/projects/{project}/annotate/{task}").text


def test_what_is_no_scene_makes_no_task(client: TestClient) -> None:
    drawn, texts = new_project(client, "geometry"), new_project(client, "classification")
    compressed = nitf([Part("image", data=b"x", values={"compression": "C8"})], OURS)
    for project, data, why in (
        (drawn, b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "is no scene for this project"),
        (drawn, SCENE, "has no image that can be shown"),
        (drawn, base64.b64decode(png(1, 1)[:24]) + bytes(200), "has no image that can be shown"),
        (drawn, PNG_HEAD + struct.pack(">II", 20_000, 3_201) + bytes(200), "has no image that can be shown"),
        (texts, LOW, "is no scene for this project"),
        (drawn, compressed, "has no image that can be shown"),
    ):
        refused = ask(client, "POST", f"{kept(client, project, data)}/tasks")
        assert (refused.status_code, why in refused.text) == (409, True), refused.text


def test_nobody_names_a_file_in_a_task_of_their_own(client: TestClient) -> None:
    """A task that names a file would have another restriction than the file, and a size that somebody made up."""
    project = new_project(client, "geometry")
    file = kept(client, project).rpartition("/")[2]
    data = {"scene": {"file": file, "name": "harbour.ntf", "number": 1}, "width": 60, "height": 40}
    lower = {"id": file, "project": project, "marking": "U", "data": data}
    for path, body, context in (
        ("tasks", {"tasks": [{"data": data, "marking": "U"}]}, {}),
        ("label-studio", [{"data": data}], {}),
        ("upgrades", {"enclave": "low", "task": lower}, {"action": "upgrade"}),
    ):
        refused = ask(client, "POST", f"{API}/projects/{project}/{path}", body, **context)
        assert refused.status_code == 409, refused.text
    assert ask(client, "GET", f"{API}/projects/{project}/tasks").json()["tasks"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("level=1&bands=3,2,1", 200),
        ("bands=2", 200),
        ("level=3", 404),
        ("bands=4", 404),
        ("bands=0", 422),
        ("level=-1", 404),
    ],
)
def test_levels_and_bands_of_a_tile_are_those_of_the_image(client: TestClient, query: str, status: int) -> None:
    path = f"{kept(client, new_project(client, 'geometry'))}/images/1/tiles/0/0"
    assert ask(client, "GET", f"{path}?{query}").status_code == status


@pytest.mark.slow
def test_vessels_on_a_scene_from_upload_to_coco_and_geojson(
    people: dict[str, Page], monitor: Monitor, tmp_path: Path
) -> None:
    lead = people["lead"]
    project = journeys.new_project(lead, "Vessels on satellite scenes", "Port Said")
    scenes.upload(lead, project, scenes.harbour(tmp_path))
    for name in ("ann", "bob"):
        annotator = people[name]
        journeys.begin(annotator, project)
        scenes.ready(annotator)
        scenes.label_vessels(annotator)
        assert [one["label"] for one in scenes.shapes(annotator)] == list(scenes.VESSELS)
        with annotator.expect_navigation():
            annotator.keyboard.press("Control+Enter")
    assert [one["subject"] for one in monitor.records if one["activity"] == "scene.open"] == ["ann", "bob"]
    reviewer = people["reviewer"]
    reviewer.goto(f"{project}/review")
    reviewer.get_by_role("link", name="harbour.ntf").click()
    expect(reviewer.locator(".judged")).to_have_count(2)
    coco = json.loads(journeys.exported(lead, project, "COCO"))
    (one,) = coco["images"]
    assert (one["file_name"], one["marking"]) == ("harbour.ntf#1", "S//REL TO USA, GBR")
    assert len(coco["annotations"]) == 3
    geojson = json.loads(journeys.exported(lead, project, "GeoJSON"))
    assert geojson["marking"] == "SECRET//REL TO USA, GBR"
    for feature, (name, vessel) in zip(geojson["features"], scenes.VESSELS.items(), strict=True):
        assert (feature["properties"]["label"], feature["properties"]["marking"]) == (name, "S//REL TO USA, GBR")
        (left, top), _, _, degrees = vessel
        pixels = feature["properties"]["pixels"]
        assert pixels["points"][0] == pytest.approx([left, top], abs=3)
        assert pixels["rotation"] == pytest.approx(degrees, abs=4)
        longitude, latitude = feature["geometry"]["coordinates"][0][0]
        assert (32.29 < longitude < 32.309, 31.258 < latitude < 31.27) == (True, True)


@pytest.mark.slow
def test_a_scene_is_looked_at_and_labelled_with_mouse_and_keyboard(people: dict[str, Page], tmp_path: Path) -> None:
    lead, ann = people["lead"], people["ann"]
    project = journeys.new_project(lead, "Vessels on satellite scenes", "Port Said")
    scenes.upload(lead, project, scenes.harbour(tmp_path))
    journeys.begin(ann, project)
    scenes.ready(ann)
    assert "31.2640° N" in ann.inner_text(".place"), "the middle of the scene"
    expect(ann.locator(".north")).to_contain_text("north 0°")

    ann.mouse.move(*scenes.on_screen(ann, 420, 300))
    for _ in range(6):
        ann.mouse.wheel(0, -100)
    assert scenes.on_screen(ann, 600, 300)[0] - scenes.on_screen(ann, 420, 300)[0] > 200, "it is larger now"
    scenes.drag(ann, (400, 290), (440, 320))
    (drawn,) = scenes.shapes(ann)
    assert drawn["form"] == "box"
    assert drawn["points"][1] == pytest.approx([440, 320], abs=1)

    # The chosen box: its corner is dragged, then it is turned at its handle, then by keyboard.
    scenes.drag(ann, (440, 320), (460, 340))
    assert scenes.shapes(ann)[0]["points"][1] == pytest.approx([460, 340], abs=1.5)
    ann.locator(".canvas").focus()
    ann.keyboard.press("r")
    assert scenes.shapes(ann)[0]["rotation"] == 5
    ann.keyboard.press("Space")
    ann.keyboard.press("ArrowRight")
    ann.keyboard.press("Space")
    moved = scenes.shapes(ann)[0]
    assert moved["points"] != drawn["points"]

    ann.keyboard.press("0")
    for key in ("Escape", "Alt+2"):
        ann.keyboard.press(key)
    scenes.click(ann, (1000, 900), (1100, 900), (1050, 1000))
    ann.locator(".canvas").focus()
    ann.keyboard.press("c")
    ann.keyboard.press("Alt+3")
    ann.locator(".canvas").focus()
    ann.keyboard.press("Shift+ArrowLeft")
    ann.keyboard.press("Enter")
    assert [one["form"] for one in scenes.shapes(ann)] == ["box", "polygon", "point"]

    expect(ann.locator(".saved")).to_have_text("Draft kept")
    ann.reload()
    assert len(scenes.shapes(ann)) == 3, "the draft is kept"


@pytest.mark.slow
def test_how_a_scene_is_looked_at_is_no_part_of_the_answer(people: dict[str, Page], tmp_path: Path) -> None:
    lead, ann = people["lead"], people["ann"]
    project = journeys.new_project(lead, "Vessels on satellite scenes", "Port Said")
    scenes.upload(lead, project, scenes.harbour(tmp_path))
    journeys.begin(ann, project)
    scenes.ready(ann)
    scenes.choose(ann, "form", "measure")
    scenes.click(ann, (200, 200))
    ann.mouse.move(*scenes.on_screen(ann, 1000, 200))
    assert re.search(r"(799|800) pixels · about 90[34] m$", ann.inner_text(".place"))
    ann.mouse.click(*scenes.on_screen(ann, 1000, 200))
    scenes.choose(ann, "form", "move")
    start = scenes.on_screen(ann, 800, 600)
    scenes.drag(ann, (800, 600), (700, 600))
    assert scenes.on_screen(ann, 800, 600)[0] < start[0] - 20

    ann.get_by_label("Bands").select_option("2")
    ann.get_by_label("Brightness").fill("2")
    assert "brightness(2)" in ann.locator(".tiles").evaluate("(group) => group.style.filter")
    expect(ann.locator(".tiles image").first).to_have_attribute("href", re.compile("bands=2$"))
    ann.wait_for_timeout(2500)  # longer than a draft waits
    assert (scenes.shapes(ann), ann.inner_text(".saved")) == ([], "")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_a_scene_fits(people: dict[str, Page], tmp_path: Path, width: int) -> None:
    lead = people["lead"]
    project = journeys.new_project(lead, "Vessels on satellite scenes", "Port Said")
    scenes.upload(lead, project, scenes.harbour(tmp_path))
    lead.set_viewport_size({"width": width, "height": 900})
    lead.goto(f"{project}/files")
    assert fits(lead)
    journeys.begin(lead, project)
    scenes.ready(lead)
    assert fits(lead)
