"""A log to write to, and bodies for it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.audit.log.writer import Log

LABEL = "S;;GBR,USA"


def body(number: int, label: str = LABEL) -> tuple[str, bytes]:
    return label, f'{{"label":"{label}","number":{number}}}'.encode()


@dataclass
class Place:
    """Where a log is, and its keys."""

    path: Path
    key: Path
    vkey: str

    def open(self, interval: float = 0.05) -> Log:
        return Log.open(self.path, self.key, checkpoint_interval=interval)

    async def fill(self, count: int, size: int = 256) -> list[str]:
        """Append ``count`` records in batches of ``size``; returns their receipts."""
        log = self.open()
        first, receipts = log.size, []
        for start in range(first, first + count, size):
            numbers = range(start, min(start + size, first + count))
            receipts += await log.append([body(number) for number in numbers])
        await log.close()
        return receipts


@pytest.fixture
def place(tmp_path: Path) -> Place:
    path, key = tmp_path / "log", tmp_path / "secrets" / "log.key"
    return Place(path, key, Log.create(path, key, "site.example/audit"))
