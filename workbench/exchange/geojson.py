"""GeoJSON (RFC 7946): a feature for each shape on which people agree, with marking and groups of its image.

Places are longitude and latitude in WGS 84, as the header of the image has its corners. Where these are not known, a
feature has no geometry (RFC 7946, 3.2); its pixels are always among its properties. Members that the format does not
know (6.1) carry the marking of the whole file and, for each image, what it is: an image without shapes is told too.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.exchange.record import Project, Record
from workbench.geometry import Point
from workbench.tasks.geometry import GeometryAnswer, GeometryData, Shape

DIGITS = 7
"""Decimals of a degree: a centimetre, which is more than anybody knows of a place (RFC 7946, 11.2)."""


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """One document."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    images: list[dict[str, Any]] = []
    features: list[dict[str, Any]] = []
    for record in records:
        data = kind.read_data(record.data)
        marked = {"task": record.id, "marking": record.marking, "groups": list(record.groups)}
        settled = record.settled(kind, schema)
        size = {"width": data.width, "height": data.height}
        images.append({**marked, "file": data.file_name, **size, "settled": settled is not None})
        shapes = GeometryAnswer.model_validate(settled).shapes if settled else ()
        features += [_feature(data, shape, marked) for shape in shapes]
    document = {
        "type": "FeatureCollection",
        "name": project.name,
        "marking": project.marking,
        "images": images,
        "features": features,
    }
    yield json.dumps(document, ensure_ascii=False) + "\n"


def _feature(data: GeometryData, shape: Shape, marked: dict[str, Any]) -> dict[str, Any]:
    pixels = shape.model_dump(mode="json", include={"points", "rotation"})
    properties = {"label": shape.label, "form": shape.form, "pixels": pixels}
    return {
        "type": "Feature",
        "id": f"{marked['task']}/{shape.id}",
        "geometry": _geometry(data, shape),
        "properties": {**marked, "file": data.file_name, **properties},
    }


def _geometry(data: GeometryData, shape: Shape) -> dict[str, Any] | None:
    found = [place for point in shape.ring() if (place := data.place(point)) is not None]
    places = [(round(longitude, DIGITS), round(latitude, DIGITS)) for longitude, latitude in found]
    if not places:
        return None
    if shape.form == "point":
        return {"type": "Point", "coordinates": list(places[0])}
    if shape.form == "line":
        return {"type": "LineString", "coordinates": [list(place) for place in places]}
    return {"type": "Polygon", "coordinates": [[list(place) for place in _closed(places)]]}


def _closed(places: list[Point]) -> list[Point]:
    """A ring that ends where it begins and runs counterclockwise (RFC 7946, 3.1.6)."""
    following = [*places[1:], places[0]]
    turning = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(places, following, strict=True))
    ring = places if turning > 0 else places[::-1]
    return [*ring, ring[0]]
