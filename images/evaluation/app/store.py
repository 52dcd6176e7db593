"""Jobs in the service's volume: one folder each, written whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from appliance.contract.evaluation import Results

from .model import Job
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

    def write(self, identifier: str, name: str, document: BaseModel) -> None:
        """Write a document of a job."""
        folder = self.folder(identifier)
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}"
        temporary.write_text(document.model_dump_json(indent=1))
        temporary.rename(folder / name)

    def _stored(self) -> Iterator[Job]:
        for path in self._folder.glob("*/job.json"):
            job = self.get(path.parent.name)
            if job is not None:
                yield job
