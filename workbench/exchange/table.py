"""CSV (RFC 4180) of tasks: the first row names the fields; `answer1`, `answer2` and so on are gathered in a list."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from appliance.errors import ApplianceError

RULE = "a CSV file has a row of names and a row for each task (RFC 4180)"
_NUMBERED = re.compile(r"^answer_?(\d+|[ab])$")


def read(text: str) -> Iterator[dict[str, Any]]:
    """Tasks as ``{data, marking?, groups?, external_id?}``; every cell is text, and no formula is ever evaluated.

    Raises:
        ApplianceError: names the row that is wrong.
    """
    if text.startswith("\ufeff"):
        text = text[1:]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if not any(names) or len(set(names)) != len(names):
            raise ApplianceError("row 1: a name is missing or stands twice", rule=RULE, remedy="name each column once")
        for number, cells in enumerate(reader, 2):
            if not cells:
                continue
            if len(cells) != len(names):
                raise ApplianceError(
                    f"row {number}: {len(cells)} cells where row 1 has {len(names)}",
                    rule=RULE,
                    remedy="correct the row",
                )
            yield _task({name: cell for name, cell in zip(names, cells, strict=True) if cell != ""})
    except csv.Error as error:
        raise ApplianceError(f"row {reader.line_num}: {error}", rule=RULE, remedy="correct the row") from error


def _task(row: dict[str, str]) -> dict[str, Any]:
    task: dict[str, Any] = {name: row.pop(name) for name in ("marking", "external_id") if name in row}
    if "groups" in row:
        task["groups"] = row.pop("groups").split()
    answers = [row.pop(name) for name in sorted(name for name in row if _NUMBERED.match(name))]
    return task | {"data": row | ({"answers": answers} if answers else {})}
