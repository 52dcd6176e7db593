"""A satellite scene to label: a harbour with vessels, as NITF with security fields and corners, and work on it."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.unit.workbench.imagery.writing import Part, nitf
from workbench.geometry import rotated

SIZE = (1600, 1200)
CORNERS = b"D+31.270+032.290+31.270+032.309+31.258+032.309+31.258+032.290"
VESSELS = {
    # upper left corner, length, width, degrees: as a turned box has them
    "Tanker": ((420.0, 300.0), 190.0, 34.0, 20.0),
    "Cargo": ((900.0, 640.0), 150.0, 30.0, 310.0),
    "Fishing": ((1210.0, 240.0), 44.0, 14.0, 75.0),
}


def pixels() -> NDArray[np.uint8]:
    """Dark water with waves, a quay along the left edge, and the vessels; red, green and blue."""
    width, height = SIZE
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    chance = np.random.default_rng(3)
    water = 34 + 5 * np.sin(x / 37 + y / 23) + chance.normal(0, 3, (height, width))
    image = np.stack([water * 0.7, water, water * 1.3], axis=-1)
    quay = x < 170 + 12 * np.sin(y / 90)
    image[quay] = (118, 112, 104)
    for (left, top), length, beam, degrees in VESSELS.values():
        turn = math.radians(degrees)
        along = (x - left) * math.cos(turn) + (y - top) * math.sin(turn)
        across = (y - top) * math.cos(turn) - (x - left) * math.sin(turn)
        bow = np.clip((length - along) / (length * 0.2), 0, 1)
        hull = (along >= 0) & (along <= length) & (abs(across - beam / 2) <= beam / 2 * np.sqrt(bow))
        image[hull] = (176, 172, 160)
        bridge = hull & (along > length * 0.1) & (along < length * 0.22)
        image[bridge] = (232, 228, 220)
    return np.clip(image, 0, 255).astype(np.uint8)


def harbour(folder: Path, marking: str = "S//REL TO USA, GBR") -> Path:
    """The scene as a file: all of it has this marking, its image that of unclassified."""
    width, height = SIZE
    values: dict[str, Any] = {"rows": height, "columns": width, "bands": 3, "interleave": "P", "block": (512, 512)}
    down, across = -(-height // 512), -(-width // 512)
    padded = np.zeros((down * 512, across * 512, 3), np.uint8)
    padded[:height, :width] = pixels()
    data = padded.reshape(down, 512, across, 512, 3).transpose(0, 2, 1, 3, 4).tobytes()
    image = Part("image", "U", data, values=values | {"located": CORNERS})
    file = folder / "harbour.ntf"
    file.write_bytes(nitf([image, Part("text", marking, b"seen at dawn")], marking))
    return file


def upload(lead: Page, project: str, file: Path) -> None:
    """Upload a scene on the page of files and make a task of it."""
    lead.goto(f"{project}/files")
    lead.get_by_label("A file of any size").set_input_files(file)
    lead.get_by_role("button", name="Upload", exact=True).click()
    lead.get_by_role("button", name=f"Make tasks of the images of {file.name}").click()
    lead.wait_for_url(f"**{project}")
    expect(lead.get_by_role("cell", name=file.name, exact=True)).to_be_visible()


def ready(annotator: Page) -> None:
    """Wait until tiles of the scene are there."""
    annotator.wait_for_function(
        "[...document.querySelectorAll('.tiles image')].length > 0 && performance.getEntriesByType('resource')"
        ".filter((one) => one.name.includes('/tiles/')).length >= document.querySelectorAll('.tiles image').length"
    )


def on_screen(annotator: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the image is on the screen."""
    found = annotator.evaluate(
        """([x, y]) => {
          const place = new DOMPoint(x, y).matrixTransform(document.querySelector(".canvas svg").getScreenCTM());
          return [place.x, place.y];
        }""",
        [x, y],
    )
    return found[0], found[1]


def click(annotator: Page, *points: tuple[float, float]) -> None:
    """Click at points of the image."""
    for x, y in points:
        annotator.mouse.click(*on_screen(annotator, x, y))


def drag(annotator: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse from a point of the image to another one."""
    annotator.mouse.move(*on_screen(annotator, *start))
    annotator.mouse.down()
    annotator.mouse.move(*on_screen(annotator, *end), steps=4)
    annotator.mouse.up()


def choose(annotator: Page, attribute: str, name: str) -> None:
    """Press the button of a label or form."""
    annotator.locator(f"[data-{attribute}='{name}']").click()


def shapes(annotator: Page) -> list[dict[str, Any]]:
    """What is drawn."""
    found: list[dict[str, Any]] = json.loads(annotator.input_value("input[name=value]"))["shapes"]
    return found


def label_vessels(annotator: Page) -> None:
    """Around each vessel a turned box: both ends of one side, then the other side; the first after zooming in."""
    for name, ((left, top), length, beam, degrees) in VESSELS.items():
        ring = rotated(left, top, length, beam, degrees)
        choose(annotator, "label", name)
        choose(annotator, "form", "turned")
        click(annotator, ring[0], ring[1], ring[2])
