"""CoNLL: a word and its tag in each line, in the BIO scheme (Ramshaw and Marcus, 1995); an empty line ends a text.

A comment before each text carries its marking. Of spans that overlap the longest is kept: a word has one tag.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.exchange.record import Project, Record


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """The texts about which people agree."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    for record in records:
        settled = record.settled(kind, schema)
        if settled is None:
            continue
        groups = f" groups: {' '.join(record.groups)}" if record.groups else ""
        yield f"# task: {record.id} marking: {record.marking}{groups}\n"
        spans = sorted(settled.get("spans", []), key=lambda span: span["start"] - span["end"])
        before = None
        for word in re.finditer(r"\w+|[^\w\s]", record.data["text"]):
            span = next((s for s in spans if s["start"] < word.end() and s["end"] > word.start()), None)
            tag = _tag(span, before)
            before = span["id"] if span else None
            yield f"{word.group()}\t{tag}\n"
        yield "\n"


def _tag(span: dict[str, Any] | None, before: str | None) -> str:
    if span is None:
        return "O"
    return f"{'I' if span['id'] == before else 'B'}-{span['label'].replace(' ', '_')}"
