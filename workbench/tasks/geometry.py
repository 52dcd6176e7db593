"""Shapes in an image: boxes, turned boxes, polygons, lines and points, in pixels from the upper left corner."""

import base64
import binascii
import math
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from workbench.geometry import Point, area, bounds, crosses_itself, rotated
from workbench.imagery.position import Corners, Place, place_of
from workbench.imagery.tiles import HIGHEST
from workbench.tasks.kind import Kind, Model, Result, ShortText, Units, refusal
from workbench.tasks.labels import Labels, check_labels, require_known
from workbench.tasks.spans import Identifier

Form = Literal["box", "polygon", "line", "point"]
LARGEST = 20_000
LARGEST_SCENE = 1_000_000
_PREFIX = "data:image/png;base64,"
_POINTS = {"box": (2, 2), "polygon": (3, 1000), "line": (2, 1000), "point": (1, 1)}
_STUDIO = {"box": "rectanglelabels", "polygon": "polygonlabels", "line": "polylinelabels", "point": "keypointlabels"}


class GeometrySchema(Model):
    """Labels of shapes and which shapes are drawn."""

    labels: Labels
    forms: Annotated[tuple[Form, ...], Field(min_length=1)] = ("box",)

    @model_validator(mode="after")
    def _labels_are_in_order(self) -> "GeometrySchema":
        check_labels(self.labels)
        return self


class Scene(Model):
    """An image of an uploaded file.

    Attributes:
        file: its identifier in the project.
        name: what its uploader calls it.
        number: of the image in it, from 1.
        levels: the highest level of its tiles; None if the whole image is shown at once.
        bands: how many it has.
        corners: where it lies, if that is known: see ``workbench.imagery.position``.
    """

    file: UUID
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    number: Annotated[int, Field(ge=1)]
    levels: Annotated[int, Field(ge=0, le=HIGHEST)] | None = None
    bands: Annotated[int, Field(ge=1)] = 1
    corners: Corners | None = None


class GeometryData(Model):
    """A PNG image in base64, whose width and height are what its header says; or a scene, which its file describes."""

    image: Annotated[str, StringConstraints(min_length=40, max_length=3_000_000)] | None = None
    scene: Scene | None = None
    title: Annotated[str, StringConstraints(max_length=500)] | None = None
    width: Annotated[int, Field(gt=0, le=LARGEST_SCENE)] = 1
    height: Annotated[int, Field(gt=0, le=LARGEST_SCENE)] = 1

    @model_validator(mode="after")
    def _one_of_both(self) -> "GeometryData":
        if (self.image is None) == (self.scene is None):
            raise ValueError("image: a task shows one image")
        return self

    @property
    def file_name(self) -> str | None:
        """The file of a scene with the image in it, as exports name it."""
        return f"{self.scene.name}#{self.scene.number}" if self.scene else None

    def place(self, point: Point) -> Place | None:
        """Longitude and latitude of a point in pixels; None where it is not known where the image lies."""
        if self.scene is None or self.scene.corners is None:
            return None
        return place_of(self.scene.corners, (self.width, self.height), point)

    @model_validator(mode="before")
    @classmethod
    def _size_is_the_header_s(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("image"), str):
            return values
        image = values["image"].removeprefix(_PREFIX)
        width, height = png_size(image)
        return {**values, "image": image, "width": width, "height": height}


class Shape(Model):
    """One shape.

    Attributes:
        id: of the shape in this answer.
        form: what its points are: upper left and lower right corner of a box; corners; a path; a place.
        label: what it shows.
        points: x and y of each.
        rotation: degrees by which a box is turned clockwise around its upper left corner.
    """

    id: Identifier
    form: Form
    label: ShortText
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=1, max_length=1000)]
    rotation: Annotated[float, Field(ge=0, lt=360)] = 0

    def ring(self) -> list[Point]:
        """Corners of a box or polygon."""
        if self.form == "box":
            (left, top), (right, bottom) = self.points
            return rotated(left, top, right - left, bottom - top, self.rotation)
        return list(self.points)


class GeometryAnswer(Model):
    """All shapes of an image; none is an answer too."""

    shapes: Annotated[tuple[Shape, ...], Field(max_length=5000)] = ()


class Geometry(Kind[GeometrySchema, GeometryData, GeometryAnswer]):
    """Shapes in an image."""

    name: ClassVar[str] = "geometry"
    title: ClassVar[str] = "Draw shapes in an image"
    schema_model = GeometrySchema
    data_model = GeometryData
    answer_model = GeometryAnswer

    def check(self, schema: GeometrySchema, data: GeometryData, answer: GeometryAnswer) -> None:
        """Shapes lie in the image, have an extent and do not cross themselves."""
        if len({shape.id for shape in answer.shapes}) != len(answer.shapes):
            raise refusal("shapes: an id stands twice", "each shape has an id of its own")
        for number, shape in enumerate(answer.shapes):
            field = f"shapes.{number}"
            require_known(shape.label, schema.labels, f"{field}.label")
            _check_shape(schema, data, shape, field)

    def units(self, schema: GeometrySchema, data: GeometryData, answer: GeometryAnswer) -> Units:
        """How many shapes of each label; their places are compared by overlap."""
        return {label.name: sum(shape.label == label.name for shape in answer.shapes) for label in schema.labels}

    def to_results(self, schema: GeometrySchema, data: GeometryData, answer: GeometryAnswer) -> list[Result]:
        """Results in per cent of the image, as Label Studio has them."""
        return [_to_result(data, shape) for shape in answer.shapes]

    def from_results(self, schema: GeometrySchema, data: GeometryData, results: list[Result]) -> dict[str, Any]:
        """The reverse."""
        return {"shapes": [_from_result(data, result, n) for n, result in enumerate(results) if "value" in result]}

    def data_to_label_studio(self, data: GeometryData) -> dict[str, Any]:
        """The image as a data URL; of a scene its file, with all that is known of it beside."""
        if data.scene:
            return {"image": data.file_name, "title": data.title, "scene": data.scene.model_dump(mode="json")}
        return {"image": _PREFIX + (data.image or "")} | ({"title": data.title} if data.title else {})

    def data_from_label_studio(self, data: Any) -> dict[str, Any]:
        """Image and title; the size is the header's."""
        return {name: data[name] for name in ("image", "title") if name in data}


def png_size(text: str) -> tuple[int, int]:
    """Width and height in the header of a PNG file in base64 (ISO/IEC 15948, 11.2.2); its pixels are not decoded.

    Raises:
        ValueError: it is no PNG, or too large.
    """
    try:
        head = base64.b64decode(text[:44], validate=True)
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("image: is not base64") from error
    if head[:16] != b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":
        raise ValueError("image: is no PNG file; convert it to PNG")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise ValueError(f"image: {width} x {height} pixels; at most {LARGEST} each way are shown")
    return width, height


def _check_shape(schema: GeometrySchema, data: GeometryData, shape: Shape, field: str) -> None:
    if shape.form not in schema.forms:
        raise refusal(f"{field}.form: {shape.form}", f"this project draws {', '.join(schema.forms)}")
    least, most = _POINTS[shape.form]
    if not least <= len(shape.points) <= most:
        raise refusal(f"{field}.points: {len(shape.points)}", f"a {shape.form} has {least} to {most} points")
    if shape.rotation and shape.form != "box":
        raise refusal(f"{field}.rotation: of a {shape.form}", "a box alone is turned")
    _check_place(data, shape, field)
    if shape.form == "box":
        (left, top), (right, bottom) = shape.points
        if not (left < right and top < bottom):
            raise refusal(f"{field}: an empty box", "the first corner is the upper left, the second the lower right")
    if shape.form == "polygon" and (crosses_itself(shape.points) or area(shape.points) == 0):
        raise refusal(
            f"{field}: the polygon crosses itself or has no area",
            "polygons are simple (OGC 06-103r4, 6.1.11)",
            "move the corner at which it crosses, or draw two polygons",
        )


def _check_place(data: GeometryData, shape: Shape, field: str) -> None:
    """Refuse what lies outside the image; of a turned box its middle lies inside, as what it shows may be cut off."""
    if not all(math.isfinite(value) for point in shape.points for value in point):
        raise refusal(f"{field}: a point is no number", "points are pixels of the image")
    points: list[Point] = list(shape.points)
    if shape.rotation:
        ring = shape.ring()
        points = [((ring[0][0] + ring[2][0]) / 2, (ring[0][1] + ring[2][1]) / 2)]
        if math.dist(ring[0], ring[2]) > math.hypot(data.width, data.height):
            raise refusal(f"{field}: a box larger than the image", "a box lies around something in the image")
    for x, y in points:
        if not (0 <= x <= data.width and 0 <= y <= data.height):
            raise refusal(
                f"{field}: a point at {x}, {y}", f"points lie in the image, {data.width} x {data.height} pixels"
            )


def _to_result(data: GeometryData, shape: Shape) -> Result:
    def percent(point: Point) -> list[float]:
        return [point[0] * 100 / data.width, point[1] * 100 / data.height]

    points = [percent(point) for point in shape.points]
    kind = _STUDIO[shape.form]
    value: dict[str, Any] = {kind: [shape.label]}
    if shape.form == "box":
        (left, top), (right, bottom) = points
        value |= {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": shape.rotation}
    elif shape.form == "point":
        value |= {"x": points[0][0], "y": points[0][1], "width": 0.5}
    else:
        value |= {"points": points}
    return {
        "id": shape.id,
        "from_name": "label",
        "to_name": "image",
        "type": kind,
        "original_width": data.width,
        "original_height": data.height,
        "image_rotation": 0,
        "value": value,
    }


def _from_result(data: GeometryData, result: Result, number: int) -> dict[str, Any]:
    forms = {kind: form for form, kind in _STUDIO.items()}
    form, value = forms.get(str(result.get("type"))), result["value"]
    if form is None:
        raise refusal(
            f"result.{number}.type: {str(result.get('type'))[:40]!r} is no shape of this service",
            f"shapes are {', '.join(forms)}",
            "leave this annotation out of the file, or choose another kind of project",
        )

    def pixels(x: float, y: float) -> list[float]:
        return [x * data.width / 100, y * data.height / 100]

    shape = {"id": str(result.get("id", f"s{number}")), "form": form, "label": value[str(result["type"])][0]}
    if form == "box":
        far = pixels(value["x"] + value["width"], value["y"] + value["height"])
        return {**shape, "points": [pixels(value["x"], value["y"]), far], "rotation": value.get("rotation", 0) % 360}
    if form == "point":
        return {**shape, "points": [pixels(value["x"], value["y"])]}
    return {**shape, "points": [pixels(x, y) for x, y in value["points"]]}


def extent(shape: Shape) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a shape."""
    return bounds(shape.ring())
