"""Images of NITF files, looked at in place: what they are, and their tiles, under the restriction of the file."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.errors import ApplianceError
from appliance.markings import Restriction, marking_of
from appliance.service.database import CurrentDatabase
from appliance.service.objects import CurrentObjects, Object
from appliance.service.web.middleware import set_marking
from appliance.service.web.responses import not_found
from workbench.imagery.nitf import Segment, read_nitf
from workbench.imagery.tiles import SIDE, can_show, levels_of, tile, tiles_of
from workbench.imagery.window import Window

from .. import work
from ..files import NITF
from ..store import projects

router = APIRouter(prefix="/labeling/api/projects/{project}/files/{file}/images")


async def opened(
    request: Request, project: UUID, file: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> Window:
    """The bytes of the NITF file of a route, whose marking the answer has.

    Raises:
        ApplianceError: the file is no NITF.
        HTTPException: 404: there is no such file, or not for this reader.
    """
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        found: Object
        found, content = await objects.content(transaction, project, file)
    if found.media_type != NITF:
        raise ApplianceError(
            f"the file is {found.media_type}", rule="images and tiles are those of NITF files", remedy="read it whole"
        )
    label = Restriction.decode(found.restriction).label
    set_marking(request, marking_of(label, work.restrictions(request).vocabulary).banner)
    return Window(content)


CurrentNitf = Annotated[Window, Depends(opened)]
Bands = Annotated[str, Query(pattern=r"^([1-9]\d{0,4}(,[1-9]\d{0,4}){0,2})?$")]


@router.get("")
async def list_images(content: CurrentNitf) -> dict[str, Any]:
    """The images of a NITF file: their sizes, and whether they have tiles."""
    segments = await asyncio.to_thread(_images, content)
    return {"tile": SIDE, "images": [_described(segment) for segment in segments]}


@router.get("/{number}/tiles/{row}/{column}")
async def show_tile(
    content: CurrentNitf, number: int, row: int, column: int, level: int = 0, bands: Bands = ""
) -> Response:
    """One tile of an image, as PNG without anything else of the file.

    At each further ``level`` rows and columns are halved; ``bands`` is one band in grey, or three in colour: 3,2,1.
    """
    chosen = [int(band) for band in bands.split(",") if band]

    def made() -> bytes:
        return tile(content, _images(content)[number - 1], row, column, level, chosen)

    if number < 1:
        raise not_found()
    try:
        return Response(await asyncio.to_thread(made), media_type="image/png")
    except LookupError as error:
        raise not_found() from error


def _images(content: Window) -> list[Segment]:
    return [segment for segment in read_nitf(content).segments if segment.picture is not None]


def _described(segment: Segment) -> dict[str, Any]:
    picture = segment.picture
    assert picture is not None  # noqa: S101 - `_images` leaves others out
    rows, columns = tiles_of(picture) if can_show(picture) else (0, 0)
    levels = levels_of(picture) if can_show(picture) else 0
    described = {"number": segment.number, "tiles": {"rows": rows, "columns": columns}, "levels": levels}
    return described | {name: getattr(picture, name) for name in ("rows", "columns", "bands", "bits", "corners")}
