"""All rows, and what was found as a table, a JSON document and a section of the page of attacks."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.attack.remains import REMAINS
from tests.attack.row import Actor, Row
from tests.attack.rows import host, outsiders, records, shells, users
from tests.attack.world import Result

ROWS: tuple[Row, ...] = (
    *outsiders.rows(),
    *users.rows(),
    *shells.rows(),
    *records.rows(),
    *host.rows(),
)
BEGIN = "<!-- Made by `python -m tests.attack --write` from tests/attack; a test compares. -->"


def document(results: Iterable[Result]) -> dict[str, Any]:
    """The content of ``build/attack.json``."""
    listed = [
        {
            "actor": result.row.actor,
            "class": result.row.kind,
            "attempt": result.row.attempt,
            "expected": result.row.expect,
            "said": result.said,
            "withstood": result.withstood,
            "record": result.row.record or None,
            "unrecorded": result.row.unrecorded or None,
            "recorded": result.recorded,
        }
        for result in results
    ]
    return {
        "attempts": len(listed),
        "successes": sum(not one["withstood"] for one in listed),
        "missing_records": sum(not one["recorded"] for one in listed),
        "rows": listed,
    }


def write(results: Iterable[Result], file: Path) -> None:
    """Write ``build/attack.json``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document(results), indent=2) + "\n")


def section(rows: Iterable[Row] = ROWS) -> str:
    """The rows for people: a table for each actor, of class, attempt, result and record."""
    listed = list(rows)
    counted = Counter(row.actor for row in listed)
    lines = [
        BEGIN,
        "",
        f"`make attack` tries {len(listed)} attempts against a running site. Each must come to what the third",
        "column says, and leave the record in the fourth. What each actor can do all the same stands before its table.",
        "",
    ]
    for actor in Actor:
        lines += [
            f"### {actor[0].upper()}{actor[1:]} ({counted[actor]})",
            "",
            *(f"- Remains: {text}" for text in REMAINS[actor]),
            "",
            "| class | attempt | comes to | record |",
            "|---|---|---|---|",
        ]
        for row in listed:
            if row.actor is actor:
                record = f"`{_cell(row.record)}`" if row.record else f"none: {row.unrecorded}"
                lines.append(f"| {row.kind} | {_cell(row.attempt)} | {_cell(row.expect)} | {record} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """``text`` inside a table's cell; a refusal by whatever rule is called so."""
    return text.replace('"action_id":2', "refused").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
