"""Scenes: images of files as tasks, looked at in tiles. Opening one is recorded with the digest of its file."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.service.database import Row, database_of
from appliance.service.objects import Object, Objects
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import token_of
from workbench.imagery.nitf import Segment, read_nitf
from workbench.imagery.tiles import SIDE, can_show, levels_of
from workbench.imagery.window import Window
from workbench.tasks.geometry import GeometryData

from . import work
from .files import NITF, shown
from .models import NewTask
from .store import projects

KIND = "geometry"
FEW = 16
"""Most tiles of a picture of a whole scene; of a larger one its shapes are listed without a picture."""


def can_be_scene(project: Row, file: dict[str, Any]) -> bool:
    """Whether a file, as people are shown it, has images that a project may ask about."""
    return bool(project["kind"] == KIND and file["state"] == "kept" and file["media_type"] == NITF)


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
            rule="images of NITF files are tasks of projects that draw shapes",
            remedy="upload it to a project of that kind; convert other imagery to NITF without compression",
        )
    segments = await asyncio.to_thread(_with_tiles, Window(content))
    new = [_task(found, segment, described) for segment in segments]
    if not new:
        raise ApplianceError(
            f"{found.name}: has no image that can be shown in tiles",
            rule="images are shown that are not compressed and have whole numbers of 8 or 16 bits (ADR 206)",
            remedy="convert it to NITF without compression where it may be converted",
        )
    return await work.add_tasks(request, project, new, scenes=True)


async def record_opened(request: Request, task: Row) -> None:
    """Record that somebody opens a scene, before they see it; other tasks have no file."""
    scene = task["data"].get("scene")
    if scene:
        detail = {"project": str(task["project"]), "task": str(task["id"]), "object": scene["file"]}
        digest = f"sha256:{task['source']['sha256']}"
        await monitor_of(request).record("scene.open", token_of(request), inputs=[digest], detail=detail)


def picture_of(data: Any) -> list[dict[str, int]]:
    """The tiles of a small picture of the whole scene: level, row, column, and place and size in pixels."""
    if getattr(data, "scene", None) is None:
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


def _with_tiles(content: Window) -> Sequence[Segment]:
    return [one for one in read_nitf(content).segments if one.picture is not None and can_show(one.picture)]


def _task(file: Object, segment: Segment, described: dict[str, Any]) -> NewTask:
    picture = segment.picture
    assert picture is not None  # noqa: S101 - `_with_tiles` leaves others out
    scene = {
        "file": str(file.id),
        "name": file.name,
        "number": segment.number,
        "levels": levels_of(picture),
        "bands": picture.bands,
        "corners": picture.corners,
    }
    data = GeometryData.model_validate(
        {"scene": scene, "title": file.name, "width": picture.columns, "height": picture.rows}
    )
    return NewTask(
        data=data.model_dump(mode="json", exclude_none=True),
        marking=described["marking"],
        groups=tuple(described["groups"]),
        source={"file": str(file.id), "sha256": file.sha256, "image": segment.number},
        external_id=f"{file.id}/{segment.number}",
    )
