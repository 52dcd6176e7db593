"""What the service tells the process of a run, in one line of JSON, and what it hears from it, a line each."""

from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from workbench.tuning.configuration import Configuration

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kept(_Part):
    """A file on the service's volume, encrypted under the key of its run."""

    id: UUID
    size: Annotated[int, Field(gt=0)]


class Sample(_Part):
    """A sample, as :class:`workbench.tuning.examples.Example`."""

    record: str
    prompt: tuple[tuple[str, str], ...]
    answer: str
    rejected: str | None = None


class Order(_Part):
    """What a run is.

    Attributes:
        base: file of the base, and its digest.
        configuration: how it learns.
        training: samples of that part.
        validation: the same.
        volume: folder where files are kept.
        key: of the run, in hexadecimal.
        checkpoint: where it goes on.
        metadata: of the adapter's header.
        threads: of the processor; another number of them rounds otherwise.
        checkpoint_seconds: between two checkpoints.
    """

    base: Path
    base_sha256: Sha256
    configuration: Configuration
    training: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    volume: Path
    key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    checkpoint: Kept | None = None
    metadata: dict[str, str]
    threads: Annotated[int, Field(ge=1, le=256)]
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 20.0


class Heard(_Part):
    """What a run says.

    Attributes:
        sort: ``step``, ``checkpoint``, ``refused`` or ``adapter``; the last two end it.
        step: steps done.
        steps: of the whole run.
        curve: losses of the steps since the last word.
        validation: losses on the validation part, all.
        tokens: computed so far.
        seconds: that this process computed.
        file: what was kept.
        sha256: of the adapter.
        text: why it ended.
        rule: that it broke.
        remedy: what helps.
        memory: bytes at most.
        packages: versions of the libraries that learned.
    """

    sort: Literal["step", "checkpoint", "refused", "adapter"]
    step: int = 0
    steps: int = 0
    curve: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    file: Kept | None = None
    sha256: Sha256 | None = None
    text: str = ""
    rule: str = ""
    remedy: str = ""
    memory: int = 0
    packages: dict[str, str] = {}
