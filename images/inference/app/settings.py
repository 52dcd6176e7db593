"""Settings of the inference service."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from appliance.contract.evaluation import Digest
from appliance.contract.manifest import VariantName
from appliance.service.certificate import Certifier

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
ON_DEVICE = ("top_k", "temperature")
"""What is sampled on a device where a request asks nothing else: each further step there costs a token's time again for
every stream (``docs/benchmarks.md``, The check of an accelerator)."""


class Adapter(BaseModel):
    """A low-rank adapter that is applied to the model.

    Attributes:
        name: its file is ``/models/<name>.gguf``.
        sha256: digest of that file.
        scale: how strongly it is applied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    sha256: Digest
    scale: Annotated[float, Field(gt=0, le=4, allow_inf_nan=False)] = 1.0


class EngineParameters(BaseModel):
    """What changes the engine's answers, and therefore what a certificate binds.

    Attributes:
        variant: how the engine runs.
        device: what it computes with, as the engine itself names it; empty before it has started.
        samplers: the steps by which a token is chosen, those that a request asks for added; empty for the engine's own.
        adapter: what is applied to the model, or None.
        slots: how many requests are generated at once.
        context: tokens of prompt and answer together, for each slot.
        maximum_tokens: tokens of an answer when the request names no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: VariantName = "llama.cpp-cpu"
    device: str = ""
    samplers: tuple[str, ...] = ()
    adapter: Adapter | None = None
    slots: int = Field(default=2, ge=1, le=1024)
    context: int = Field(default=2048, ge=256)
    maximum_tokens: int = Field(default=512, ge=1)

    @property
    def accelerated(self) -> bool:
        """Whether the engine computes on a device of its own."""
        return self.variant == "llama.cpp-cuda"


class InferenceSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        model: name of the model; its file is ``/models/<model>.gguf``.
        engine_image: digest of the image that this container was made from.
        certifiers: the people who may certify models.
        officers: the officers, who sign certificates of higher tiers too.
        policy: SHA-256 of the certification policy.
        site: name of the site.
        revoked: SHA-256 digests of certificates that no longer count.
        parameters: parameters of the engine.
        variant: how the site has the engine run.
        demo: whether the site is a demonstration.
        use: what people here use the model for.
        threads: processor threads for generation; None lets the engine choose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: Name
    engine_image: str
    certifiers: tuple[Certifier, ...]
    officers: tuple[Certifier, ...] = ()
    policy: str = ""
    site: str = ""
    demo: bool = False
    use: str = "analysis"
    revoked: frozenset[str] = frozenset()
    parameters: EngineParameters = EngineParameters()
    variant: VariantName = "llama.cpp-cpu"
    threads: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _is_no_other_program(self) -> Self:
        if self.variant == "vllm":
            raise ValueError("variant: vllm is served by its own image, which does not start this program")
        return self

    def in_force(self) -> EngineParameters:
        """The parameters with the variant that the site named, and what a device samples."""
        variant: dict[str, object] = {"variant": self.variant}
        if self.variant == "llama.cpp-cuda" and not self.parameters.samplers:
            variant["samplers"] = ON_DEVICE
        return self.parameters.model_copy(update=variant)
