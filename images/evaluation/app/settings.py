"""Settings of the evaluation service."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        models: names of the models that may be evaluated here.
        engine_image: digest of the inference image, which must be what answers.
        policy: SHA-256 of the certification policy.
        demo: whether the site is a demonstration.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: tuple[str, ...] = Field(min_length=1)
    engine_image: str
    policy: str = ""
    demo: bool = False
