"""Files of a project: imagery and other large things, uploaded in parts and checked before anybody reads them."""

import asyncio
import base64
import hashlib
import re
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.database import CurrentDatabase
from appliance.service.jobs import CurrentQueue
from appliance.service.objects import CHECK, PART, CurrentObjects, Object, served
from appliance.service.web.current import CurrentContext, CurrentMonitor, CurrentToken
from appliance.service.web.responses import not_found
from appliance.service.web.service import RESOURCE

from .. import scenes, work
from ..files import shown
from ..models import Groups
from ..store import projects

router = APIRouter(prefix="/labeling/api/projects/{project}/files")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]
IN_PLACE = ("image/",)


class NewFile(BaseModel):
    """A file that is about to be uploaded.

    Attributes:
        name: what its uploader calls it; nothing is decided by it.
        size: in bytes; so much room is reserved.
        marking: its marking; the project's when absent. A file whose headers cannot say it (TIFF) needs it.
        groups: need-to-know groups besides the project's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    size: Annotated[int, Field(ge=1)]
    marking: str | None = None
    groups: Groups = ()


class Finished(BaseModel):
    """The end of an upload.

    Attributes:
        sha256: of the whole file, if the uploader knows it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


@router.get("")
async def list_files(
    request: Request, project: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> dict[str, Any]:
    """The newest files of a project."""
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        found = await objects.newest(transaction, project)
    return {"files": [shown(request, one) for one in found]}


@router.post("", status_code=201)
async def begin(
    request: Request,
    context: CurrentContext,
    project: UUID,
    new: NewFile,
    database: CurrentDatabase,
    objects: CurrentObjects,
) -> dict[str, Any]:
    """Begin an upload: its room is reserved, and its parts are wanted."""
    async with database.transaction(request, writes=False) as transaction:
        into = await projects.project(transaction, project)
    marked = work.restrictions(request).of(
        new.marking or into["marking"], new.groups, "", member_of=context.groups, within=into["groups"]
    )
    async with database.transaction(request, [marked.label]) as transaction:
        added = await objects.begin(
            transaction, project, marked.restriction, new.name, new.size, declared=new.marking is not None
        )
    return {"id": str(added), "part_size": PART, "parts": -(-new.size // PART)}


@router.get("/{file}")
async def show_file(
    request: Request, project: UUID, file: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> dict[str, Any]:
    """What is known of a file."""
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        return shown(request, await objects.get(transaction, project, file))


@router.get("/{file}/missing")
async def missing_parts(
    request: Request, project: UUID, file: UUID, database: CurrentDatabase, objects: CurrentObjects
) -> dict[str, Any]:
    """The parts that an upload still wants: with them it goes on after a break."""
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        return {"part_size": PART, "missing": await objects.missing(transaction, project, file)}


@router.put("/{file}/parts/{number}", status_code=204)
async def put_part(
    request: Request,
    project: UUID,
    file: UUID,
    number: int,
    objects: CurrentObjects,
    content_digest: Annotated[str, Header()] = "",
) -> Response:
    """Take one part, whose header ``Content-Digest`` (RFC 9530) has its SHA-256."""
    data = await request.body()
    said = _DIGEST.fullmatch(content_digest)
    if not said or base64.b64decode(said[1]) != hashlib.sha256(data).digest():
        raise ApplianceError(
            f"part {number}: the header Content-Digest is not the SHA-256 of what arrived",
            rule="RFC 9530: Content-Digest: sha-256=:<base64>:", remedy="send the part again",
        )  # fmt: skip
    await objects.put(request, project, file, number, data)
    return Response(status_code=204)


@router.post("/{file}/finish", status_code=202)
async def finish(
    request: Request,
    project: UUID,
    file: UUID,
    end: Finished,
    database: CurrentDatabase,
    objects: CurrentObjects,
    queue: CurrentQueue,
) -> dict[str, str]:
    """End an upload: a job looks at digest, type and markings, and then the file can be read."""
    async with database.transaction(request, writes=False) as transaction:
        await projects.project(transaction, project)
        found = await objects.get(transaction, project, file)
    job, groups = uuid4(), tuple(sorted(Restriction.decode(found.restriction).groups))
    # More than it needs: a monitor that restarts counts up to 64 as made.
    granted = await queue.grant(request, job.hex, purpose=CHECK, calls=400, groups=groups)
    spec = {"project": str(project), "object": str(file), "sha256": end.sha256}
    async with database.transaction(request) as transaction:
        await objects.finish(transaction, project, file)
        await queue.add(
            transaction, request, job, CHECK, spec, granted=granted, resource=RESOURCE, groups=groups, attempts=3
        )
    queue.more.set()
    return {"job": str(job)}


@router.get("/{file}/content")
async def read_file(
    request: Request,
    context: CurrentContext,
    project: UUID,
    file: UUID,
    database: CurrentDatabase,
    objects: CurrentObjects,
) -> Response:
    """A file, whole or one range of it.

    Images are looked at in place. What else its originator controls (ORCON) leaves with their decision alone.
    """
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        found, content = await objects.content(transaction, project, file)
    if not found.media_type.startswith(IN_PLACE) and not context.reader.can_receive(
        Restriction.decode(found.restriction)
    ):
        raise not_found()
    return served(request, found, content, work.restrictions(request).vocabulary)


@router.post("/{file}/tasks", status_code=201)
async def make_tasks(request: Request, project: UUID, file: UUID, objects: CurrentObjects) -> dict[str, Any]:
    """Make a task of each image of a NITF file that has tiles."""
    return {"tasks": await scenes.add_scenes(request, project, file, objects)}


@router.delete("/{file}")
async def erase_file(
    request: Request,
    project: UUID,
    file: UUID,
    database: CurrentDatabase,
    objects: CurrentObjects,
    monitor: CurrentMonitor,
    token: CurrentToken,
) -> dict[str, Any]:
    """Erase a file, for all that use it."""
    async with database.transaction(request) as transaction:
        await projects.project(transaction, project)
        erased: Object = await objects.erase(transaction, project, file)
        # Inside the transaction: without a durable record it stays.
        await monitor.record(
            "file.erase",
            token,
            inputs=[f"sha256:{erased.sha256}"] if erased.sha256 else [],
            detail={"project": str(project), "object": str(file)},
        )
    await asyncio.to_thread(objects.volume.remove, file)
    return {"id": str(file), "state": "erased"}
