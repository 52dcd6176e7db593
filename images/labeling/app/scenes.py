"""Scenes: images of files as tasks: NITF in tiles, PNG whole. Opening one is recorded with the digest of its file."""

import asyncio
import base64
from typing import Any
from uuid import UUID

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.service.database import Row, database_of
from appliance.service.objects import Object, Objects
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import token_of
from workbench.imagery.nitf import read_nitf
from workbench.imagery.tiles import SIDE, can_show, levels_of
from workbench.imagery.window import Window
from workbench.tasks.geometry import GeometryData, png_size

from . import work
from .files import NITF, shown
from .models import NewTask
from .store import projects

KIND = "geometry"
PNG = "image/png"
MOST_PIXELS = 64_000_000
"""Most pixels of a PNG that a browser decodes whole: 256 MB."""
FEW = 16
"""Most tiles of a picture of a whole scene; of a larger one its shapes are listed without a picture."""


def can_be_scene(project: Row, file: dict[str, Any]) -> bool:
    """Whether a file, as people are shown it, has images that a project may ask about."""
    return bool(project["kind"] == KIND and file["state"] == "kept" and file["media_type"] in {NITF, PNG})


async def add_scenes(request: Request, project: UUID, file: UUID, objects: Objects) -> list[str]:
    """Make a task of each image of a file that has tiles, with the marking and the groups of the file.

    Raises:
        ApplianceError: the project draws no shapes, the file has no such image, or its images are tasks already.
        HTTPException: 404: there is no such file, or not for this reader.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        into = await projects.project(transaction, project)
        found: Object
        found, content = await objects.content(transaction, project, file)
    described = shown(request, found)
    if not can_be_scene(into, described):
        raise ApplianceError(
            f"{found.name}: is no scene for this project",
            rule="images of NITF and PNG files are tasks of projects that draw shapes",
            remedy="upload it to a project of that kind, as one of these formats",
        )
    read = _read_png if found.media_type == PNG else _read_nitf
    images = await asyncio.to_thread(read, Window(content))
    new = [_task(found, one, described) for one in images]
    if not new:
        raise ApplianceError(
            f"{found.name}: has no image that can be shown",
            rule="shown are NITF without compression, of whole numbers of 8 or 16 bits, and PNG of 64 million pixels",
            remedy="convert it where it may be converted",
        )
    return await work.add_tasks(request, project, new, scenes=True)


async def record_opened(request: Request, task: Row) -> None:
    """Record that somebody opens a scene, before they see it; other tasks have no file."""
    scene = task["data"].get("scene")
    if scene:
        detail = {"project": str(task["project"]), "task": str(task["id"]), "object": scene["file"]}
        digest = f"sha256:{task['source']['sha256']}"
        await monitor_of(request).record("scene.open", token_of(request), inputs=[digest], detail=detail)


def address_of(project: Row, task: Row, data: Any) -> str | None:
    """Where an image is that is shown whole; None of what is shown in tiles."""
    base = f"/labeling/api/projects/{project['id']}"
    if data.scene is None:
        return f"{base}/tasks/{task['id']}/image.png"
    return f"{base}/files/{data.scene.file}/content" if data.scene.levels is None else None


def picture_of(data: Any) -> list[dict[str, int]]:
    """The tiles of a small picture of the whole scene: level, row, column, and place and size in pixels."""
    if data.scene is None or data.scene.levels is None:
        return []
    level = data.scene.levels
    side = SIDE << level
    down, across = -(-data.height // side), -(-data.width // side)
    if down * across > FEW:
        return []
    return [
        {
            "level": level,
            "row": row,
            "column": column,
            "x": column * side,
            "y": row * side,
            "width": min(side, data.width - column * side),
            "height": min(side, data.height - row * side),
        }
        for row in range(down)
        for column in range(across)
    ]


def _read_nitf(content: Window) -> list[dict[str, Any]]:
    """The images of a file that have tiles, as the data of a task; without what all images of a file have."""
    pictures = [(one.number, one.picture) for one in read_nitf(content).segments]
    return [
        {
            "scene": {"number": number, "levels": levels_of(one), "bands": one.bands, "corners": one.corners},
            "width": one.columns,
            "height": one.rows,
        }
        for number, one in pictures
        if one is not None and can_show(one)
    ]


def _read_png(content: Window) -> list[dict[str, Any]]:
    """The one image of a PNG file, if it is not too large for a browser."""
    try:
        width, height = png_size(base64.b64encode(content[:33]).decode())
    except ValueError:
        return []
    return [{"scene": {"number": 1}, "width": width, "height": height}] if width * height <= MOST_PIXELS else []


def _task(file: Object, image: dict[str, Any], described: dict[str, Any]) -> NewTask:
    scene = {**image["scene"], "file": str(file.id), "name": file.name}
    data = GeometryData.model_validate({**image, "scene": scene, "title": file.name})
    return NewTask(
        data=data.model_dump(mode="json", exclude_none=True),
        marking=described["marking"],
        groups=tuple(described["groups"]),
        source={"file": str(file.id), "sha256": file.sha256, "image": scene["number"]},
        external_id=f"{file.id}/{scene['number']}",
    )
