"""Settings of the inference service."""

from pydantic import BaseModel, ConfigDict, Field

from appliance.service.certificate import Certifier


class EngineParameters(BaseModel):
    """What changes the engine's answers, and therefore what a certificate binds.

    Attributes:
        slots: how many requests are generated at once.
        context: tokens of prompt and answer together, for each slot.
        maximum_tokens: tokens of an answer when the request names no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    slots: int = Field(default=2, ge=1, le=64)
    context: int = Field(default=2048, ge=256)
    maximum_tokens: int = Field(default=512, ge=1)


class InferenceSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        model: name of the model; its file is ``/models/<model>.gguf``.
        engine_image: digest of the image that this container was made from.
        certifiers: the people who may certify models.
        policy: SHA-256 of the certification policy.
        site: name of the site.
        revoked: SHA-256 digests of certificates that no longer count.
        parameters: parameters of the engine.
        demo: whether the site is a demonstration.
        use: what people here use the model for.
        threads: processor threads for generation; None lets the engine choose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    engine_image: str
    certifiers: tuple[Certifier, ...]
    policy: str = ""
    site: str = ""
    demo: bool = False
    use: str = "analysis"
    revoked: frozenset[str] = frozenset()
    parameters: EngineParameters = EngineParameters()
    threads: int | None = Field(default=None, ge=1)
