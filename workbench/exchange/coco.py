"""COCO's object detection format (cocodataset.org, Data format), with marking and groups of each image.

Boxes are ``[x, y, width, height]`` around the shape; ``segmentation`` has the corners of turned boxes and polygons.
Points and lines become ``keypoints``.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.exchange.record import Project, Record
from workbench.geometry import area, bounds
from workbench.tasks.geometry import GeometryAnswer, Shape


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """One document."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    categories = {label.name: number for number, label in enumerate(schema.labels, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        data = kind.read_data(record.data)
        images.append(
            {
                "id": number,
                "file_name": data.file_name or f"{record.id}.png",
                "width": data.width,
                "height": data.height,
                "marking": record.marking,
                "groups": list(record.groups),
            }
        )
        settled = record.settled(kind, schema)
        for shape in GeometryAnswer.model_validate(settled).shapes if settled else ():
            one = {"id": len(annotations) + 1, "image_id": number, "category_id": categories[shape.label]}
            annotations.append(one | _shape(shape))
    document = {
        "info": {"description": project.name, "marking": project.marking},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in categories.items()],
    }
    yield json.dumps(document, ensure_ascii=False) + "\n"


def _shape(shape: Shape) -> dict[str, Any]:
    ring = shape.ring()
    left, top, right, bottom = bounds(ring)
    box = [left, top, right - left, bottom - top]
    if shape.form in {"point", "line"}:
        keypoints = [part for x, y in ring for part in (x, y, 2)]
        return {"bbox": box, "area": 0, "iscrowd": 0, "keypoints": keypoints, "num_keypoints": len(ring)}
    return {"bbox": box, "area": area(ring), "iscrowd": 0, "segmentation": [[part for point in ring for part in point]]}
