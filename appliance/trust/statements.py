"""in-toto Statement v1: what is claimed (predicate) of which bytes (subjects), signed in DSSE."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.trust import dsse
from appliance.trust.dsse import SignatureRefusedError
from appliance.trust.keys import PublicKey, SigningKey

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
SLSA_PROVENANCE = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
MAXIMUM_SIZE = 64 << 20


class Subject(BaseModel):
    """Bytes that a statement is about; matched by digest alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: dict[str, str] = Field(min_length=1)


class Statement(BaseModel):
    """in-toto Statement v1 (in-toto attestation framework, spec v1.1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[Subject] = Field(min_length=1)
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]

    def covers(self, sha256: str) -> bool:
        """Whether one subject has this SHA-256."""
        return any(subject.digest.get("sha256") == sha256 for subject in self.subject)


@dataclass(frozen=True)
class VerifiedStatement:
    """A statement and the people who signed it."""

    statement: Statement
    signers: tuple[str, ...]


def sign_statement(
    subjects: Mapping[str, str], predicate_type: str, predicate: dict[str, Any], keys: Iterable[SigningKey]
) -> bytes:
    """A signed statement.

    Args:
        subjects: name to SHA-256 in hexadecimal.
        predicate_type: URI of the predicate's type.
        predicate: the claim, JSON values only.
        keys: who signs.
    """
    statement = Statement(
        _type=STATEMENT_TYPE,
        subject=[Subject(name=name, digest={"sha256": digest}) for name, digest in sorted(subjects.items())],
        predicateType=predicate_type,
        predicate=predicate,
    )
    return dsse.sign(statement.model_dump(by_alias=True), PAYLOAD_TYPE, keys)


def verify_statement(
    data: bytes,
    people: Mapping[str, PublicKey],
    name: str,
    *,
    predicate_types: Sequence[str],
    sha256: str | None = None,
    threshold: int = 1,
) -> VerifiedStatement:
    """Verify a signed statement.

    Args:
        data: the envelope.
        people: accepted signers.
        name: the file, for the error.
        predicate_types: accepted predicate types.
        sha256: digest that one of the subjects must have, or None when the caller matches it.
        threshold: how many people must have signed.

    Raises:
        SignatureRefusedError: signatures, form, predicate type or subject do not hold.
    """
    verified = dsse.verify(data, PAYLOAD_TYPE, people, threshold, name)
    try:
        statement = Statement.model_validate(verified.value)
    except ValidationError as error:
        raise SignatureRefusedError(f"{name}: not an in-toto Statement v1: {error.errors()[0]['msg']}") from error
    if statement.predicate_type not in predicate_types:
        raise SignatureRefusedError(
            f"{name}: states {statement.predicate_type}",
            rule=f"expected {' or '.join(predicate_types)}",
            remedy="name the statement of the right kind",
        )
    if sha256 is not None and not statement.covers(sha256):
        raise SignatureRefusedError(
            f"{name}: is about other bytes than sha256:{sha256}",
            rule="a statement counts for its subjects' digests only",
        )
    return VerifiedStatement(statement=statement, signers=verified.signers)
