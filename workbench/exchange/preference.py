"""Preference pairs as the libraries for tuning read them: ``prompt``, ``chosen``, ``rejected``."""

import json
from collections.abc import Iterable, Iterator
from itertools import combinations

from workbench.exchange.record import Project, Record


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """A line for each pair that people decided; ties and what is in dispute are left out."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    for record in records:
        settled = record.settled(kind, schema)
        if settled is None or settled.get("choice") == "tie":
            continue
        answers = record.data["answers"]
        order = settled["order"] if project.kind == "ranking" else [0, 1] if settled["choice"] == "a" else [1, 0]
        for better, worse in combinations(order, 2):
            line = {
                "prompt": record.data["prompt"],
                "chosen": answers[better],
                "rejected": answers[worse],
                "marking": record.marking,
                "groups": list(record.groups),
                "task": record.id,
            }
            yield json.dumps(line, ensure_ascii=False) + "\n"
