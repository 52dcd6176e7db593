"""GeoJSON has every settled shape with its marking: in places where these are known, in pixels always."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.exchange import formats_of
from workbench.exchange.record import Given, Project, Record

CORNERS = [[10.0, 51.0], [10.1, 51.0], [10.1, 50.9], [10.0, 50.9]]
SCHEMA = {"labels": [{"name": "Cargo"}], "forms": ["box", "polygon", "line", "point"]}
SHAPES: list[dict[str, Any]] = [
    {"id": "s0", "form": "box", "label": "Cargo", "points": [[10, 10], [30, 20]], "rotation": 30},
    {"id": "s1", "form": "polygon", "label": "Cargo", "points": [[50, 50], [60, 50], [55, 60]]},
    {"id": "s2", "form": "line", "label": "Cargo", "points": [[0.5, 0.5], [99.5, 99.5]]},
    {"id": "s3", "form": "point", "label": "Cargo", "points": [[99.5, 0.5]]},
]


def written(corners: Any, shapes: list[dict[str, Any]], form: str = "geojson") -> dict[str, Any]:
    scene = {"file": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "name": "harbour.ntf", "number": 2, "corners": corners}
    data = {"scene": scene, "width": 100, "height": 100}
    answers = (Given("ann", {"shapes": shapes}, "2026-11-28"),)
    record = Record("r", "S//NF", ("falcon",), data, {}, None, answers)
    project = Project("p", "Vessels", "TOP SECRET", "geometry", SCHEMA)
    found: dict[str, Any] = json.loads("".join(formats_of("geometry")[form].write(project, [record])))
    return found


def test_shapes_are_places_and_carry_the_marking_of_their_scene() -> None:
    found = written(CORNERS, SHAPES)
    assert (found["type"], found["marking"]) == ("FeatureCollection", "TOP SECRET")
    assert [one["geometry"]["type"] for one in found["features"]] == ["Polygon", "Polygon", "LineString", "Point"]
    assert found["features"][2]["geometry"]["coordinates"] == [[10.0, 51.0], pytest.approx([10.1, 50.9])]
    assert found["features"][3]["geometry"]["coordinates"] == pytest.approx([10.1, 51.0])
    for feature, shape in zip(found["features"], SHAPES, strict=True):
        properties = feature["properties"]
        assert (properties["marking"], properties["groups"]) == ("S//NF", ["falcon"])
        assert (properties["file"], properties["label"]) == ("harbour.ntf#2", "Cargo")
        assert properties["pixels"]["points"] == shape["points"]


def test_rings_close_and_run_counterclockwise() -> None:
    flipped = [CORNERS[1], CORNERS[0], CORNERS[3], CORNERS[2]]  # a scene whose east is on the left
    for corners in (CORNERS, flipped):
        for feature in written(corners, SHAPES[:2])["features"]:
            (ring,) = feature["geometry"]["coordinates"]
            assert ring[0] == ring[-1]
            assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0


def test_where_no_place_is_known_there_are_pixels_alone_and_an_empty_scene_is_told_too() -> None:
    found = written(None, SHAPES)
    assert [one["geometry"] for one in found["features"]] == [None] * 4
    empty = written(CORNERS, [])
    assert empty["features"] == []
    assert [(one["file"], one["marking"]) for one in empty["images"]] == [("harbour.ntf#2", "S//NF")]
    assert empty["images"][0]["settled"] is True


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_point_of_a_scene_lies_between_its_corners(x: float, y: float) -> None:
    (feature,) = written(CORNERS, [{**SHAPES[3], "points": [[x, y]]}])["features"]
    longitude, latitude = feature["geometry"]["coordinates"]
    assert 9.999 <= longitude <= 10.101
    assert 50.899 <= latitude <= 51.001


def test_coco_names_the_file_of_a_scene_and_its_marking() -> None:
    (image,) = written(CORNERS, SHAPES, "coco")["images"]
    assert (image["file_name"], image["width"], image["height"]) == ("harbour.ntf#2", 100, 100)
    assert (image["marking"], image["groups"]) == ("S//NF", ["falcon"])
