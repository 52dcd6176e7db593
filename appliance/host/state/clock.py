"""The latest time that the host is sure of, whatever its clock says."""

import json
from datetime import UTC, datetime
from pathlib import Path


def last_entry(log: Path) -> datetime | None:
    """When the last record of the log was made, or None where there is none.

    Args:
        log: the log's folder; of its newest file of bodies, only the end is read.
    """
    files = sorted((log / "bodies").glob("*.jsonl"))
    if not files:
        return None
    with files[-1].open("rb") as file:
        file.seek(max(0, files[-1].stat().st_size - (1 << 18)))
        lines = [line for line in file.read().splitlines() if line.endswith(b"}}")]
    if not lines:
        return None
    return datetime.fromtimestamp(json.loads(lines[-1])["body"]["time"] / 1000, UTC)


def latest(log: Path) -> datetime:
    """The clock's time, or that of the log's last record where that is later."""
    return max(datetime.now(UTC), last_entry(log) or datetime.min.replace(tzinfo=UTC))
