"""The job that looks at an uploaded file before anybody can read it: its digest, its type, what the service asks."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.jobs import Handler, JobStoppedError, Work
from appliance.service.objects.kept import Objects
from appliance.service.objects.types import TEXT, Text, type_of
from appliance.service.objects.volume import Content, parts_of
from appliance.service.settings import ServiceSettings

CHECK = "check"
"""The kind of job; its ``spec`` has ``project``, ``object`` and, if the uploader said so, ``sha256``."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the uploader says of a file.

    Attributes:
        restriction: what limits its readers.
        explicit: whether they named its marking, rather than took that of the project.
    """

    restriction: Restriction
    explicit: bool


Examiner = Callable[[Content, str, Declared], None]
"""Looks at the content, its media type and what is said of it, in a thread, and refuses by ``ApplianceError``.

The place of a virus scanner, of a reader of markings in headers, and of what a service wants to know of its files."""


@dataclass(frozen=True)
class Files:
    """What a service says of its files, in its main module.

    Attributes:
        types: media types that it takes, by content (``appliance.service.objects.types``).
        activity: what is recorded before a file can be read; the manifest lists it.
        refusal: what is recorded when a file is refused; the manifest lists it.
        quota: most bytes of one project in one restriction.
        examiners: what looks at each file, made from the settings of the service.
    """

    types: frozenset[str]
    activity: str
    refusal: str
    quota: int = 20 << 30
    examiners: Callable[[ServiceSettings], tuple[Examiner, ...]] = lambda _: ()


def check_file(objects: Objects, files: Files, examiners: tuple[Examiner, ...]) -> Handler:
    """What runs jobs of this kind.

    Args:
        objects: of the service.
        files: what the service says of them.
        examiners: all of them look at each file.
    """

    async def check(work: Work) -> None:
        project, identifier = UUID(work.job.spec["project"]), UUID(work.job.spec["object"])
        async with work.transaction(writes=False) as transaction:
            row = await objects.row(transaction, project, identifier)
        if row["state"] != "checking":  # it was killed after it had done its work
            return
        content = objects.volume.content(identifier, row["key"], row["size"])
        restriction = Restriction.decode(row["restriction"])
        detail: dict[str, Any] = {"project": str(project), "object": str(identifier)}
        try:
            sha256, media_type = await asyncio.to_thread(_examined, work, content, files.types)
            for examine in examiners:
                await asyncio.to_thread(examine, content, media_type, Declared(restriction, row["declared"]))
        except JobStoppedError:
            raise
        except ApplianceError as refusal:
            async with work.transaction() as transaction:
                await objects.refuse(transaction, row, refusal.message)
                # Inside the transaction: without a durable record the file waits to be looked at again.
                detail |= {"size": row["size"], "why": refusal.message[:2000]}
                await work.record(files.refusal, detail=detail, restriction=restriction)
            await asyncio.to_thread(objects.volume.remove, identifier)
            raise
        async with work.transaction() as transaction:
            kept = await objects.keep(transaction, row, sha256, media_type)
            # Inside the transaction: without a durable record nobody can read it.
            detail["object"] = str(kept)
            await work.record(files.activity, outputs=[f"sha256:{sha256}"], detail=detail, restriction=restriction)
        work.result = {"object": str(kept), "sha256": sha256, "media_type": media_type}

    return check


def _examined(work: Work, content: Content, types: frozenset[str]) -> tuple[str, str]:
    """Digest and media type of a whole file.

    Raises:
        ApplianceError: the digest is another one than was said, or the type is none of ``types``.
    """
    digest, text, media_type = hashlib.sha256(), Text(), ""
    for number, part in enumerate(content.parts()):
        work.check()
        media_type = media_type or type_of(part)
        digest.update(part)
        if media_type == TEXT and not text.fits([part], final=number == parts_of(content.size) - 1):
            raise ApplianceError("the file is neither text in UTF-8 nor of a type that is known by its content")
        work.progress(number + 1, parts_of(content.size))
    said = work.job.spec.get("sha256")
    if said and said != digest.hexdigest():
        raise ApplianceError("the file has another SHA-256 than was said", remedy="upload it again")
    if media_type not in types:
        raise ApplianceError(
            f"the file is {media_type} by its content", rule=f"files here are {', '.join(sorted(types))}"
        )
    return digest.hexdigest(), media_type
