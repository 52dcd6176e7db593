"""What the service asks of the runner, and what it gets back."""

from pydantic import BaseModel, ConfigDict

from appliance.service.certificate import Metric


class Request(BaseModel):
    """What to evaluate.

    Attributes:
        model: name of the model.
        base_url: where the forwarder answers for this job.
        dataset: name of the set of samples.
        limit: how many samples at most.
        connections: how many samples at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    base_url: str
    dataset: str
    limit: int
    connections: int


class Outcome(BaseModel):
    """What came out.

    Attributes:
        metrics: the scores with their intervals.
        samples: how many samples were answered and scored.
        dataset_sha256: digest of the samples; see ``datasets.load``.
        log: file name of Inspect's log.
        log_sha256: its digest.
        tools: versions of what evaluated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: tuple[Metric, ...]
    samples: int
    dataset_sha256: str
    log: str
    log_sha256: str
    tools: dict[str, str]
