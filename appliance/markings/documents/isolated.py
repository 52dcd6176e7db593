"""Reading a document in a child process that can open nothing, with limits of time, memory and output."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from appliance.markings.documents.paragraph import KINDS, Content, DocumentError, Paragraph

MAXIMUM_BYTES = 64 * 1024 * 1024
"""The largest document."""

MAXIMUM_SECONDS = 60
MAXIMUM_OUTPUT = 256 * 1024 * 1024
_ALIASES = {
    "text": "txt",
    "log": "txt",
    "markdown": "md",
    "htm": "html",
    "docm": "docx",
    "pptm": "pptx",
    "xlsm": "xlsx",
}


def kind_of(name: str) -> str:
    """The kind of a document, by the end of its name.

    Raises:
        DocumentError: it is of no kind that can be read.
    """
    end = name.rpartition(".")[2].lower()
    kind = _ALIASES.get(end, end)
    if kind not in KINDS:
        raise DocumentError(f"{name!r}: a document is one of {', '.join(KINDS)}")
    return kind


def paragraphs_of(path: Path, kind: str = "") -> Content:
    """The paragraphs of a file, read in a process of its own.

    Args:
        path: the file.
        kind: one of ``KINDS``; that of the name when empty.

    Raises:
        DocumentError: the document cannot be read, or reading it took too much.
        OSError: the file cannot be opened.
    """
    kind = kind or kind_of(path.name)
    with path.open("rb") as file:
        data = file.read(MAXIMUM_BYTES + 1)
    if len(data) > MAXIMUM_BYTES:
        raise DocumentError(f"the document is larger than {MAXIMUM_BYTES // 1024 // 1024} MiB")
    command = [sys.executable, "-I", "-m", "appliance.markings.documents.child", kind]
    try:
        result = subprocess.run(command, input=data, capture_output=True, timeout=MAXIMUM_SECONDS, env={}, check=False)
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"reading the document took longer than {MAXIMUM_SECONDS} seconds") from error
    if result.returncode != 0 or len(result.stdout) > MAXIMUM_OUTPUT:
        raise DocumentError(f"the document could not be read within its limits (status {result.returncode})")
    return _content(json.loads(result.stdout))


def _content(answer: Any) -> Content:
    """The content that the child found.

    Raises:
        DocumentError: the child says why there is none.
    """
    if error := answer.get("error"):
        raise DocumentError(str(error))
    paragraphs = [Paragraph(str(text), str(place), str(part)) for text, place, part in answer["paragraphs"]]
    return Content(paragraphs, [str(name) for name in answer["unread"]])
