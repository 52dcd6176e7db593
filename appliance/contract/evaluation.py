"""What an evaluation reports: the result of every item, from which anybody computes the same bounds again.

Prompts, answers and targets are not in it: an item has an identifier, its cluster and its scores.
"""

import hashlib
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.contract.certification import Dimension
from appliance.errors import ApplianceError, first_words
from appliance.trust import canonical

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Score = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,80}$")]
MOST = 200_000


class ResultsError(ApplianceError):
    """A results document does not count."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Part):
    """The model file that was evaluated."""

    name: str
    sha256: Digest


class ItemResult(_Part):
    """One item: where it stands and what its answer scored.

    Attributes:
        id: identifier, unique within its suite.
        cluster: what it shares chance with.
        group: for fairness, the group that it names.
        scores: by name, from 0 to 1; a score that does not apply is absent.
    """

    id: Name
    cluster: Name
    group: str = Field(default="", max_length=40)
    scores: dict[Annotated[str, Field(max_length=40)], Score]


class HoldOut(_Part):
    """The items of a suite as arithmetic, without saying one of them.

    Attributes:
        published: whether everybody knows the key: such items practise, and never count for a bound.
        generation: number of the hold-out under its key.
        commitment: SHA-256 over key, suite and generation, recorded before the model was asked.
        root: Merkle root (RFC 6962) over the items' digests.
        exposure: identifier of the record that these items were used up for this model, or empty.
    """

    published: bool
    generation: Annotated[int, Field(ge=1)]
    commitment: Digest
    root: Digest
    exposure: str = Field(default="", max_length=64)


class SuiteResult(_Part):
    """All items of one suite.

    Attributes:
        suite: its name.
        sha256: digest of its definition.
        dimension: what it is about.
        hold_out: where the items come from.
        complete: whether every item was asked; a job that cannot reach its tier any more stops early.
        items: the results.
    """

    suite: Name
    sha256: Digest
    dimension: Dimension
    hold_out: HoldOut
    complete: bool = True
    items: Annotated[tuple[ItemResult, ...], Field(max_length=MOST)]

    @model_validator(mode="after")
    def _each_once(self) -> "SuiteResult":
        if len({item.id for item in self.items}) != len(self.items):
            raise ValueError("an item counts twice")
        return self


class Results(_Part):
    """The results document that the evaluation service writes and a person signs.

    Attributes:
        version: of this format.
        job: identifier of the evaluation job.
        model: the model file.
        engine_image: digest of the inference engine's container image.
        parameters: parameters of the engine.
        tier: the tier that was tried.
        attempt: how many times this model file tried this tier, this time included.
        suites: the results by suite.
        policy: digest of the certification policy.
        site: name of the site.
        enclave: name of the enclave.
        label: encoded label of the enclave.
        marking: its banner text.
        evaluator: the subject who started the job.
        started: when it began.
        finished: when it ended.
        log_sha256: digest of the evaluation's log.
        tools: versions of the tools that evaluated.
    """

    version: Literal[2]
    job: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    model: Model
    engine_image: str
    parameters: dict[str, Any]
    tier: str
    attempt: Annotated[int, Field(ge=1)]
    suites: Annotated[tuple[SuiteResult, ...], Field(min_length=1)]
    policy: Digest
    site: str
    enclave: str
    label: str
    marking: str
    evaluator: str
    started: AwareDatetime
    finished: AwareDatetime
    log_sha256: Digest
    tools: dict[str, str]

    @model_validator(mode="after")
    def _suites_once(self) -> "Results":
        if len({suite.suite for suite in self.suites}) != len(self.suites):
            raise ValueError("a suite counts twice")
        return self

    @property
    def items(self) -> int:
        """How many items were answered."""
        return sum(len(suite.items) for suite in self.suites)

    @property
    def sha256(self) -> str:
        """SHA-256 of the document's canonical JSON (RFC 8785), which the evaluation's record names."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()


def read_results(data: bytes, name: str) -> Results:
    """Parse a results document.

    Raises:
        ResultsError: it is not one; the message names the field.
    """
    try:
        document = canonical.decode(data, name)
        if isinstance(document, dict):
            document.pop("classification", None)  # the marking of the response that it was downloaded in
        return Results.model_validate(document)
    except (ValidationError, canonical.CanonicalError) as error:
        why = (
            error.message.removeprefix(f"{name}: ").replace("cannot be read as", "not", 1)
            if isinstance(error, ApplianceError)
            else ": ".join(first_words(error))
        )
        raise ResultsError(
            f"{name}: {why}",
            rule="a certificate is made from the results document of the evaluation service",
            remedy="download the results of a finished job again",
        ) from error
