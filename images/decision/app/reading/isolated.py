"""One file, one process: no file, socket or further process, and limits of time, memory, input and output."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from appliance.markings.documents import Content, DocumentError, Paragraph
from appliance.markings.documents.isolated import kind_of

from . import child

MOST_BYTES = 15 << 18
"""Bytes of a file: what the gateway lets through at once, without the rest of the form."""
MOST_OUTPUT = 64 << 20
SECONDS = 40
AT_ONCE = 1
"""Processes at once: each may take more than half of the container's memory."""

_turn = asyncio.Semaphore(AT_ONCE)


class UnreadableError(ApplianceError):
    """The file is of no kind that is read here, or it is damaged, encrypted, or takes too much."""


async def paragraphs_of(name: str, data: bytes) -> tuple[str, Content]:
    """The kind and the paragraphs of a file.

    Args:
        name: its name, by whose end its kind is known; a file of another kind cannot be read.
        data: its content.

    Raises:
        UnreadableError: there is nothing to be had.
    """
    try:
        kind = kind_of(name)
    except DocumentError as error:
        raise UnreadableError(str(error), rule="documents are text, Markdown, HTML, Office, PDF or e-mail") from error
    if not 0 < len(data) <= MOST_BYTES:
        raise UnreadableError(f"the file has {len(data)} bytes", rule=f"a document has 1 to {MOST_BYTES} bytes")
    async with _turn:
        answer = await _asked(kind, data)
    if why := answer.get("error"):
        raise UnreadableError(f"the document cannot be read: {why}", remedy="save it again, and upload it again")
    paragraphs = [Paragraph(str(text), str(place), str(part)) for text, place, part in answer["paragraphs"]]
    return kind, Content(paragraphs, [str(name) for name in answer["unread"]])


def _environment() -> dict[str, str]:
    """Where the child finds its modules; nothing else of this process's environment goes to it."""
    return {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path), "PATH": os.defpath}


async def _asked(kind: str, data: bytes) -> dict[str, Any]:
    """What the child says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-B", "-m", child.__name__, kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate(data)
    except TimeoutError as error:
        raise UnreadableError(f"reading the document took longer than {SECONDS} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or len(said) > MOST_OUTPUT:
        raise UnreadableError("the document could not be read within the limits of time and memory")
    found: dict[str, Any] = json.loads(said)
    return found
