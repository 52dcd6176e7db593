"""Jobs in the service's volume: one folder each, written whole or not at all."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from appliance.contract.evaluation import Results
from appliance.trust.files import replace_file

from .model import Job
from .results.board import paired
from .results.summary import Summary


class Store:
    """The jobs below one folder.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def folder(self, identifier: str) -> Path:
        """The folder of a job; ``identifier`` is 32 hexadecimal digits."""
        return self._folder / identifier

    def get(self, identifier: str) -> Job | None:
        """One job, or None."""
        try:
            return Job.model_validate_json((self.folder(identifier) / "job.json").read_bytes())
        except (FileNotFoundError, ValidationError):  # a job of an older form is not shown
            return None

    def all(self) -> list[Job]:
        """All jobs, the newest first."""
        return sorted(self._stored(), key=lambda job: job.queued, reverse=True)

    def keep(self, job: Job) -> None:
        """Write a job."""
        self.write(job.id, "job.json", job)

    def results(self, identifier: str) -> Results | None:
        """The results document of a job that ended, or None."""
        try:
            return Results.model_validate_json((self.folder(identifier) / "results.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def summary(self, identifier: str) -> Summary | None:
        """What pages show of a job that ended, or None."""
        try:
            return Summary.model_validate_json((self.folder(identifier) / "summary.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def paired(self, first: str, second: str, suite: str, score: str) -> tuple[float, int]:
        """McNemar's p value of two jobs with results for a score of a suite, and how many items both answered."""
        return _paired(self.folder(first) / "results.json", self.folder(second) / "results.json", suite, score)

    def write(self, identifier: str, name: str, document: BaseModel) -> None:
        """Write a document of a job."""
        replace_file(self.folder(identifier) / name, document.model_dump_json(indent=1).encode())

    def _stored(self) -> Iterator[Job]:
        for path in self._folder.glob("*/job.json"):
            job = self.get(path.parent.name)
            if job is not None:
                yield job


@lru_cache(maxsize=10_000)
def _paired(first: Path, second: Path, suite: str, score: str) -> tuple[float, int]:
    """Kept, because results never change once they are written, and a board compares every two of them."""
    return paired(_scores(first).get((suite, score), {}), _scores(second).get((suite, score), {}))


@lru_cache(maxsize=16)
def _scores(path: Path) -> dict[tuple[str, str], dict[str, bool]]:
    """For each score of a suite the items, and whether they are above one half."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for part in json.loads(path.read_bytes())["suites"]:
        for item in part["items"]:
            for score, value in item["scores"].items():
                found.setdefault((part["suite"], score), {})[item["id"]] = value > 0.5
    return found
