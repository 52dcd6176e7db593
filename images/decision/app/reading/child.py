"""The process that reads one file from standard input and writes its paragraphs as JSON; see ``isolated``.

The readers of ``appliance.markings.documents`` look for markings: they keep the beginning of a paragraph, and leave out
what does not show. An answer quotes whole paragraphs, and what does not show may be marked higher than all the rest.
"""

import contextlib
import email
import encodings
import importlib
import json
import pkgutil
import resource
import sys
from types import ModuleType

from appliance.markings.documents import Content, DocumentError, paragraph
from appliance.markings.documents.child import READERS

from .hidden import hidden_of

LONGEST = 20_000
"""Characters of a paragraph; a longer one is refused, so that nothing is lost unseen."""

CPU_SECONDS = 20
MEMORY = 448 << 20
"""Bytes of address space: the container's limit is for the service and one such process."""


def main(kind: str) -> None:
    """Read standard input and answer on standard output.

    Args:
        kind: one of ``appliance.markings.documents.KINDS``.
    """
    paragraph.LONGEST = LONGEST + 1
    _load(kind)
    data = sys.stdin.buffer.read()
    _confine()
    try:
        content = _read(kind, data)
        answer: dict[str, object] = {
            "paragraphs": [(one.text, one.place, one.part) for one in content.paragraphs],
            "unread": content.unread,
        }
    except (DocumentError, MemoryError, RecursionError) as error:
        answer = {"error": str(error) or type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


def _read(kind: str, data: bytes) -> Content:
    content = READERS[kind](data)
    hidden = hidden_of(kind, data)
    content.paragraphs += hidden.paragraphs
    content.unread += hidden.unread
    if any(len(one.text) > LONGEST for one in content.paragraphs):
        raise DocumentError(f"a paragraph has more than {LONGEST} characters")
    return content


def _load(kind: str) -> None:
    """Load whatever a reader loads only when it needs it, because nothing can be opened later."""
    packages: list[ModuleType] = [encodings, email]
    if kind in {"pdf", "eml"}:
        import pypdf  # noqa: PLC0415 - large, and most documents are none

        packages.append(pypdf)
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)


def _confine() -> None:
    for limit, value in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),  # standard streams alone: neither files nor sockets can be opened
    ):
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main(sys.argv[1])
