"""The evaluation certificate: a person states that a model may serve, on the ground of its evaluation.

An in-toto Statement v1 in DSSE. Its subject is the model file; the predicate binds everything that the evaluation
depended on. DESIGN, "A model serves only with a certificate".
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_words
from appliance.trust.dsse import payload_of
from appliance.trust.keys import PrivateKey, PublicKey
from appliance.trust.statements import sign_statement, verify_statement

PREDICATE_TYPE = "urn:mls-appliance:evaluation-certificate:v1"
RULE = "a model serves only with a certificate for exactly its file, engine, parameters, site and enclave label"
REMEDY = "name the file that `appliance model certify` made"

Digest = Field(pattern=r"^[0-9a-f]{64}$")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Record):
    """The model file that was evaluated."""

    name: str
    sha256: str = Digest


class Dataset(_Record):
    """The samples that the model answered; the digest covers their canonical JSON."""

    name: str
    sha256: str = Digest
    samples: int = Field(gt=0)


class Metric(_Record):
    """One score with its standard error and 95 % confidence interval."""

    name: str
    value: float
    standard_error: float
    low: float
    high: float


class EvaluationResults(_Record):
    """The results document that the evaluation service writes and a person signs.

    Attributes:
        job: identifier of the evaluation job.
        model: the model file.
        engine_image: digest of the inference engine's container image.
        parameters: parameters of the engine.
        dataset: what was asked.
        metrics: what came out.
        policy: SHA-256 of the access policy in force.
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

    job: str
    model: Model
    engine_image: str
    parameters: dict[str, Any]
    dataset: Dataset
    metrics: tuple[Metric, ...] = Field(min_length=1)
    policy: str
    site: str
    enclave: str
    label: str
    marking: str
    evaluator: str
    started: AwareDatetime
    finished: AwareDatetime
    log_sha256: str = Digest
    tools: dict[str, str]


class Certificate(_Record):
    """The predicate of a certificate: the evaluation, and for how long it counts."""

    evaluation: EvaluationResults
    issued: AwareDatetime
    expires: AwareDatetime


class Serving(_Record):
    """What runs, for comparison with a certificate; see :class:`EvaluationResults` for the fields."""

    model: Model
    engine_image: str
    parameters: dict[str, Any]
    policy: str
    site: str
    label: str


class Certifier(_Record):
    """A person who may certify models: their name and public key in PEM, as the site says."""

    name: str
    public_key: str


class CertificateError(ApplianceError):
    """The certificate does not let this model serve here and now."""


def keys_of(certifiers: Iterable[Certifier]) -> dict[str, PublicKey]:
    """The keys of ``certifiers`` by name.

    Raises:
        CertificateError: a key is no ECDSA P-384 key in PEM.
    """
    keys = {}
    for certifier in certifiers:
        try:
            keys[certifier.name] = PublicKey(
                keytype="ecdsa", scheme="ecdsa-sha2-nistp384", keyval={"public": certifier.public_key}
            )
        except ValidationError as error:
            raise CertificateError(
                f"certifiers.{certifier.name}: not an ECDSA P-384 public key in PEM",
                rule="certifiers sign with the keys that `appliance keys init` makes",
            ) from error
    return keys


def read_results(data: bytes, name: str) -> EvaluationResults:
    """Parse a results document.

    Raises:
        CertificateError: it is not one; the message names the field.
    """
    try:
        document = json.loads(data)
        if isinstance(document, dict):
            document.pop("classification", None)  # the marking of the response that it was downloaded in
        return EvaluationResults.model_validate(document)
    except ValueError as error:
        raise CertificateError(
            f"{name}: {': '.join(first_words(error)) if isinstance(error, ValidationError) else 'not JSON'}",
            rule="a certificate is made from the results document of the evaluation service",
            remedy="download the results of a finished job again",
        ) from error


def certify(results: EvaluationResults, key: PrivateKey, days: int, now: datetime | None = None) -> bytes:
    """The envelope of a certificate over ``results``, signed with ``key`` and valid for ``days`` days.

    Raises:
        CertificateError: ``days`` is not between 1 and 1095.
    """
    if not 1 <= days <= 1095:
        raise CertificateError(
            f"--expires {days}",
            rule="a certificate is valid for 1 to 1095 days",
            remedy="give --expires from 1 to 1095",
        )
    issued = (now or datetime.now(UTC)).replace(microsecond=0)
    certificate = Certificate(evaluation=results, issued=issued, expires=issued + timedelta(days=days))
    subjects = {f"{results.model.name}.gguf": results.model.sha256}
    return sign_statement(subjects, PREDICATE_TYPE, certificate.model_dump(mode="json"), [key])


def verify(
    data: bytes, name: str, certifiers: Mapping[str, PublicKey], model_sha256: str | None = None
) -> tuple[Certificate, tuple[str, ...]]:
    """Verify signature and form of a certificate; return it and its signers.

    Args:
        data: the envelope.
        name: the file, for the error.
        certifiers: public keys of the people who may certify.
        model_sha256: digest that the certificate must be about, or None for any.

    Raises:
        ApplianceError: it was not signed by a certifier, is about other bytes, or is not a certificate.
    """
    verified = verify_statement(data, certifiers, name, predicate_types=[PREDICATE_TYPE], sha256=model_sha256)
    try:
        certificate = Certificate.model_validate(verified.statement.predicate)
    except ValidationError as error:
        raise CertificateError(f"{name}: {': '.join(first_words(error))}", rule=RULE, remedy=REMEDY) from error
    if not verified.statement.covers(certificate.evaluation.model.sha256):
        raise CertificateError(
            f"{name}: subject and predicate name different models",
            rule=RULE,
            remedy="certify again: appliance model certify",
        )
    return certificate, verified.signers


def read_unverified(data: bytes, name: str) -> Certificate:
    """What a certificate says, its signatures NOT verified; to show it to people.

    Raises:
        ApplianceError: it is not a certificate.
    """
    kind, statement = payload_of(data, name)
    if not isinstance(statement, dict) or "predicate" not in statement:
        raise CertificateError(
            f"{name}: is not a certificate, but a signed statement of the type {kind[:80]!r}", rule=RULE, remedy=REMEDY
        )
    try:
        return Certificate.model_validate(statement["predicate"])
    except ValidationError as error:
        raise CertificateError(f"{name}: {': '.join(first_words(error))}", rule=RULE, remedy=REMEDY) from error


def check(certificate: Certificate, serving: Serving, name: str, now: datetime | None = None) -> None:
    """Compare a verified certificate with what runs.

    Raises:
        CertificateError: naming the first field that differs, or the date.
    """
    certified = certificate.evaluation
    for field, expected, actual in (
        ("model", certified.model.sha256, serving.model.sha256),
        ("engine image", certified.engine_image, serving.engine_image),
        ("parameters", certified.parameters, serving.parameters),
        ("policy", certified.policy, serving.policy),
        ("site", certified.site, serving.site),
        ("enclave label", certified.label, serving.label),
    ):
        if expected != actual:
            raise CertificateError(
                f"{name}: certifies {field} {expected}, but {actual} is running",
                rule=RULE,
                remedy="evaluate the model as it runs here and have a person certify the results",
            )
    moment = now or datetime.now(UTC)
    if not certificate.issued <= moment < certificate.expires:
        raise CertificateError(
            f"{name}: valid from {certificate.issued:%Y-%m-%d %H:%M} to {certificate.expires:%Y-%m-%d %H:%M} UTC",
            rule=RULE,
            remedy="evaluate and certify the model again",
        )


def digest_of(data: bytes) -> str:
    """SHA-256 of a certificate's envelope, by which it is revoked."""
    return hashlib.sha256(data).hexdigest()
