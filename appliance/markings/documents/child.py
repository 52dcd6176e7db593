"""The child process that reads one document from standard input and writes its paragraphs as JSON.

Once its modules are loaded and the document is read, it cannot open a file or a socket, or use more than its share of
time and memory; what a document makes it do stays here.
"""

import contextlib
import email
import encodings
import importlib
import json
import pkgutil
import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType

from appliance.markings.documents.mail import read_mail
from appliance.markings.documents.office import read_docx, read_pptx, read_xlsx
from appliance.markings.documents.paragraph import Content, DocumentError
from appliance.markings.documents.pdf import read_pdf
from appliance.markings.documents.plain import read_html, read_markdown, read_text

CPU_SECONDS = 50
MEMORY = 3 * 1024 * 1024 * 1024

_FILES: Mapping[str, Callable[[bytes], Content]] = {
    "txt": read_text,
    "md": read_markdown,
    "html": read_html,
    "docx": read_docx,
    "pptx": read_pptx,
    "xlsx": read_xlsx,
    "pdf": read_pdf,
}
READERS: Mapping[str, Callable[[bytes], Content]] = {**_FILES, "eml": partial(read_mail, readers=_FILES)}


def main(kind: str) -> None:
    """Read standard input and answer on standard output."""
    load(kind)
    data = sys.stdin.buffer.read()
    confine(CPU_SECONDS, MEMORY)
    try:
        content = READERS[kind](data)
        answer: dict[str, object] = {
            "paragraphs": [(entry.text, entry.place, entry.part) for entry in content.paragraphs],
            "unread": content.unread,
        }
    except (DocumentError, MemoryError, RecursionError) as error:
        answer = {"error": str(error) or type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()


def load(kind: str) -> None:
    """Load whatever a reader loads only when it needs it, because nothing can be opened later."""
    packages: list[ModuleType] = [encodings, email]
    if kind in {"pdf", "eml"}:
        import pypdf  # noqa: PLC0415 - large, and most documents are none

        packages.append(pypdf)
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)


def confine(seconds: int, memory: int) -> None:
    """From now on, open nothing, start nothing, write no file, and use no more than this.

    Args:
        seconds: of the processor.
        memory: bytes of address space.
    """
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),  # standard streams alone: neither files nor sockets can be opened
    ):
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main(sys.argv[1])
