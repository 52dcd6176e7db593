"""What was answered, line by line as it comes: a job that was killed goes on where it stopped."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.evaluation.holdout import Seal


class Line(BaseModel):
    """One answered item.

    Attributes:
        suite: its suite.
        item: its identifier.
        text: the answer.
        seconds: how long it took.
        problem: why there is no text.
        scores: of a sealed hold-out, what stands instead of the text.
        sealed: of a sealed hold-out, the answer under its key (`workbench.evaluation.holdout.Seal`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: str
    item: str
    text: str = ""
    seconds: float = 0.0
    problem: str = ""
    scores: dict[str, float] | None = None
    sealed: str | None = None


class Journal:
    """The answers of one job in ``answers.jsonl``.

    Args:
        path: the file.
        seal: of a hold-out, whose answers may repeat questions: an answer is kept in memory until its cluster is
            scored, and is written sealed, with its scores.
    """

    def __init__(self, path: Path, *, seal: Seal | None = None) -> None:
        self._path = path
        self._seal = seal
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
        """Keep an answer, durably unless it is sealed."""
        self.lines[line.suite, line.item] = line
        if self._seal is None:
            self._write([line])

    def scored(self, suite: str, scores: Mapping[str, dict[str, float]]) -> None:
        """Take note that these items were scored; sealed answers are forgotten now."""
        if self._seal is not None:
            found = []
            for item, found_scores in scores.items():
                line = self.lines[suite, item]
                hidden = {"text": "", "scores": found_scores, "sealed": self._seal.shut(suite, item, line.text)}
                found.append(line.model_copy(update=hidden))
            self.lines.update({(suite, line.item): line for line in found})
            self._write(found)

    def _write(self, lines: Sequence[Line]) -> None:
        self._file.write(b"".join(line.model_dump_json(exclude_none=True).encode() + b"\n" for line in lines))
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
