"""JSON lines: everything that is known of a task, a line each (the project's own form)."""

import json
from collections.abc import Iterable, Iterator

from workbench.exchange.record import Project, Record


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """The lines."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    for record in records:
        line = {
            "id": record.id,
            "project": project.id,
            "kind": project.kind,
            "marking": record.marking,
            "groups": list(record.groups),
            "data": record.data,
            "source": record.source,
            "external_id": record.external_id,
            "annotations": [
                {"annotator": one.annotator, "value": one.value, "created": one.created, "reviews": list(one.reviews)}
                | ({"said": one.said} if one.said is not None else {})
                for one in record.answers
            ],
            "adjudication": record.adjudication,
            "settled": record.settled(kind, schema),
        } | ({"waiting": list(record.waiting)} if record.waiting else {})
        yield json.dumps(line, ensure_ascii=False) + "\n"
