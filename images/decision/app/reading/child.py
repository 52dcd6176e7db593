"""The process that reads one file from standard input and writes its paragraphs as JSON; see ``isolated``.

The readers of ``appliance.markings.documents`` look for markings: they keep the beginning of a paragraph, and leave out
what does not show. An answer quotes whole paragraphs, and what does not show may be marked higher than all the rest.
"""

import json
import sys

from appliance.markings.documents import Content, DocumentError, paragraph
from appliance.markings.documents.child import READERS, confine, load

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
    load(kind)
    data = sys.stdin.buffer.read()
    confine(CPU_SECONDS, MEMORY)
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


if __name__ == "__main__":
    main(sys.argv[1])
