"""What was answered, line by line as it comes: a job that was killed goes on where it stopped."""

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class Line(BaseModel):
    """One answered item.

    Attributes:
        suite: its suite.
        item: its identifier.
        text: the answer.
        seconds: how long it took.
        problem: why there is no text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: str
    item: str
    text: str = ""
    seconds: float = 0.0
    problem: str = ""


class Journal:
    """The answers of one job in ``answers.jsonl``.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: dict[tuple[str, str], Line] = {}
        if path.exists():
            self._read()
        self._file = path.open("ab")

    def _read(self) -> None:
        """Read what is whole; a line that was cut off when the process was killed is taken off the end."""
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for text in whole.splitlines():
            try:
                line = Line.model_validate(json.loads(text))
            except (ValueError, ValidationError):
                continue
            self.lines[line.suite, line.item] = line
        if len(whole) != len(data):
            os.truncate(self._path, len(whole))

    def add(self, line: Line) -> None:
        """Keep an answer, durably."""
        self._file.write(line.model_dump_json().encode() + b"\n")
        self._file.flush()
        os.fdatasync(self._file.fileno())
        self.lines[line.suite, line.item] = line

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def forget_text(self) -> None:
        """Keep that items were answered, not what was said: of a sealed hold-out, answers may repeat questions."""
        self.close()
        temporary = self._path.with_suffix(".part")
        with temporary.open("wb") as file:
            for line in self.lines.values():
                file.write(line.model_copy(update={"text": ""}).model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
