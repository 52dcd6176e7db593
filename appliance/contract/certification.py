"""The certification policy: tiers, what they allow, and what a model must have shown for them.

`policies/certification.yml` is the project's; a site may only tighten it.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.contract.document import read_document
from appliance.errors import ApplianceError, first_words

Use = Annotated[str, Field(pattern=r"^[a-z][a-z-]{2,30}$")]
TierName = Annotated[str, Field(pattern=r"^T[0-9]-[a-z-]{2,30}$")]
Measure = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")]
Kind = Literal["rate", "mean", "gap", "calibration"]
Dimension = Literal["capability", "safety", "robustness", "reliability", "fairness", "security"]
EXERCISE = "exercise"
TESTING = "testing"
BUNDLED = frozenset({"model-card", "mlbom"})
"""Evidence that every model has: a bundle with a model without card or ML-BOM is refused before it is installed."""
_PLACES = (Path(__file__).parent / "policy", Path(__file__).parents[2] / "policies")


class CertificationError(ApplianceError):
    """The certification policy is wrong, or loosens what it may only tighten."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measured(_Part):
    """What a measure is, and where it is taken.

    Attributes:
        kind: a rate of events, a mean, a gap between groups, or a calibration error.
        dimension: what it is about.
        suite: the suite whose items measure it.
        score: which of their scores; the policy says it, so that no results document can choose another.
    """

    kind: Kind
    dimension: Dimension
    suite: str
    score: str


class Threshold(_Part):
    """What a bound must reach: at least ``lower`` or at most ``upper``, on at least ``n`` items."""

    lower: Annotated[float, Field(gt=0, lt=1)] | None = None
    upper: Annotated[float, Field(gt=0, lt=1)] | None = None
    n: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _one_side(self) -> "Threshold":
        if (self.lower is None) == (self.upper is None):
            raise ValueError("a bound has either `lower` or `upper`")
        return self

    def meets(self, bound: float) -> bool:
        """Whether ``bound`` is on the right side."""
        return bound <= self.upper if self.upper is not None else bound >= (self.lower or 0)

    def as_strict_as(self, other: "Threshold") -> bool:
        """Whether whatever meets this meets ``other``."""
        if self.n < other.n:
            return False
        if self.upper is not None:
            return other.upper is not None and self.upper <= other.upper
        return other.lower is not None and (self.lower or 0) >= other.lower


class Tier(_Part):
    """One tier.

    Attributes:
        includes: the tier whose uses, bounds and evidence it has besides its own.
        uses: what a model of this tier may be used for.
        validity_days: longest validity of a certificate.
        signers: how many people of each role must sign.
        bounds: what must be proven, by measure.
        evidence: what must be presented besides.
        person_confirms: whether a named person confirms each answer.
    """

    includes: TierName | None = None
    uses: Annotated[tuple[Use, ...], Field(min_length=1)]
    validity_days: Annotated[int, Field(ge=1, le=1095)]
    signers: dict[Literal["certifier", "officer"], Annotated[int, Field(ge=0, le=9)]]
    bounds: dict[Measure, Threshold] = {}
    evidence: tuple[str, ...] = ()
    person_confirms: bool = False


class Certification(_Part):
    """The policy; see `policies/certification.yml`."""

    version: Literal[1]
    minimum_clusters: Annotated[int, Field(ge=30)]
    attempts: Annotated[tuple[Annotated[float, Field(gt=0, le=0.05)], ...], Field(min_length=1)]
    measures: dict[Measure, Measured]
    tiers: dict[TierName, Tier]

    @model_validator(mode="after")
    def _is_whole(self) -> "Certification":
        if sum(self.attempts) > 0.05 + 1e-12:
            raise ValueError("attempts: together they spend more than .05, so a bound would be wrong more often")
        for name, tier in self.tiers.items():
            if tier.includes is not None and not tier.includes < name:
                raise ValueError(f"tiers.{name}.includes: {tier.includes} is no lower tier")
            if tier.includes is not None and tier.includes not in self.tiers:
                raise ValueError(f"tiers.{name}.includes: there is no tier {tier.includes}")
            for measure in tier.bounds:
                if measure not in self.measures:
                    raise ValueError(f"tiers.{name}.bounds: {measure} is not among the measures")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's content, which a certificate names."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    def effective(self, name: str) -> Tier:
        """A tier with all that it includes.

        Raises:
            CertificationError: there is no such tier.
        """
        tier = self.tiers.get(name)
        if tier is None:
            raise CertificationError(
                f"there is no tier {name[:60]!r}", rule="policies/certification.yml", remedy=", ".join(self.tiers)
            )
        if tier.includes is None:
            return tier
        base = self.effective(tier.includes)
        return tier.model_copy(
            update={
                "uses": (*base.uses, *tier.uses),
                "bounds": base.bounds | tier.bounds,
                "evidence": (*base.evidence, *tier.evidence),
            }
        )

    def alpha(self, attempt: int) -> float:
        """What an attempt may spend.

        Raises:
            CertificationError: there is no such attempt any more.
        """
        if not 1 <= attempt <= len(self.attempts):
            raise CertificationError(
                f"attempt {attempt} of this model at this tier",
                rule=f"a model has {len(self.attempts)} attempts at a tier: who tries again and again passes by luck",
                remedy="change the model; another model file has attempts of its own",
            )
        return self.attempts[attempt - 1]


def read(text: bytes | str, name: str) -> Certification:
    """Read a policy.

    Raises:
        CertificationError: it is not one; the message names the field.
    """
    try:
        return Certification.model_validate(read_document(text, name))
    except ValidationError as error:
        raise CertificationError(
            f"{name}: {': '.join(first_words(error))}", rule="policies/certification.yml"
        ) from error
    except ApplianceError as error:
        raise CertificationError(
            error.message.replace("cannot be read as", "not", 1), rule=error.rule, remedy=error.remedy
        ) from error


@cache
def standard() -> Certification:
    """The project's own policy, as the wheel or the source tree carries it."""
    file = next(place for place in _PLACES if (place / "certification.yml").exists()) / "certification.yml"
    return read(file.read_bytes(), file.name)


def tightened(base: Certification, own: Certification) -> Certification:
    """``own``, after proof that nothing is certified by it that ``base`` would refuse.

    Raises:
        CertificationError: names what is looser.
    """
    for problem in _loosened(base, own):
        raise CertificationError(
            problem,
            rule="a site may only tighten policies/certification.yml",
            remedy="take the looser value out; what is absent is as the project says",
        )
    return own


def _loosened(base: Certification, own: Certification) -> Iterator[str]:
    if own.minimum_clusters < base.minimum_clusters:
        yield f"minimum_clusters: {own.minimum_clusters} instead of {base.minimum_clusters}"
    if len(own.attempts) > len(base.attempts) or any(a > b for a, b in zip(own.attempts, base.attempts, strict=False)):
        yield f"attempts: {list(own.attempts)} instead of {list(base.attempts)}"
    for name, measured in base.measures.items():
        if own.measures.get(name) != measured:
            yield f"measures.{name}: is another"
    for name in own.tiers:
        if name not in base.tiers:
            yield f"tiers.{name}: a tier of the site's own"
        else:
            yield from (f"tiers.{name}.{what}" for what in _looser(base.effective(name), own.effective(name)))


def _looser(base: Tier, own: Tier) -> Iterator[str]:
    for use in own.uses:
        if use not in base.uses:
            yield f"uses: {use} is not among {', '.join(base.uses)}"
    for measure, threshold in base.bounds.items():
        if measure not in own.bounds or not own.bounds[measure].as_strict_as(threshold):
            yield f"bounds.{measure}: is looser"
    if own.validity_days > base.validity_days:
        yield f"validity_days: {own.validity_days} instead of {base.validity_days}"
    if any(own.signers.get(role, 0) < number for role, number in base.signers.items()):
        yield f"signers: fewer than {base.signers}"
    if missing := set(base.evidence) - set(own.evidence):
        yield f"evidence: without {', '.join(sorted(missing))}"
    if base.person_confirms and not own.person_confirms:
        yield "person_confirms: no"
