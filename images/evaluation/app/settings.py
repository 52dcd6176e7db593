"""Settings of the evaluation service."""

from pydantic import BaseModel, ConfigDict, Field

from appliance.contract.certification import Certification, standard


class EvaluationSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        models: names of the models that may be evaluated here.
        engine_image: digest of the inference image, which must be what answers.
        certification: the site's own certification policy, or None for the project's.
        demo: whether the site is a demonstration.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: tuple[str, ...] = Field(min_length=1)
    engine_image: str
    certification: Certification | None = None
    demo: bool = False

    @property
    def policy(self) -> Certification:
        """The certification policy in force."""
        return self.certification or standard()
