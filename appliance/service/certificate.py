"""The evaluation certificate: a person states for what a model may be used, on the ground of its evaluation.

An in-toto Statement v1 in DSSE. Its subject is the model file; the predicate binds everything that the evaluation
depended on, and what was computed from its item results. DESIGN, "A model serves only with a certificate".
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from appliance.contract.certification import EXERCISE, Certification, standard
from appliance.contract.evaluation import Digest, HoldOut, Model, Results
from appliance.contract.tiers import Decision, decide
from appliance.errors import ApplianceError, first_words
from appliance.trust import canonical
from appliance.trust.dsse import payload_of
from appliance.trust.keys import PrivateKey, PublicKey
from appliance.trust.statements import sign_statement, verify_statement

PREDICATE_TYPE = "urn:mls-appliance:evaluation-certificate:v2"
RULE = "a model serves only with a certificate for exactly its file, engine, parameters, site and enclave label"
REMEDY = "name the file that `appliance model certify` made"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Suite(_Record):
    """A suite that was asked: its digest, its hold-out, and how many items were answered."""

    suite: str
    sha256: Digest
    items: int = Field(ge=0)
    hold_out: HoldOut


class Proven(_Record):
    """One bound, as it was computed from the item results."""

    measure: str
    estimate: float
    bound: float
    limit: float
    n: int
    clusters: int
    estimator: str


class Evaluation(_Record):
    """What was evaluated, where and by whom; see :class:`appliance.contract.evaluation.Results` for the fields.

    Attributes:
        results_sha256: digest of the results document, which the evaluation's record names too.
    """

    results_sha256: Digest
    job: str
    model: Model
    engine_image: str
    parameters: dict[str, Any]
    attempt: int
    suites: tuple[Suite, ...]
    site: str
    enclave: str
    label: str
    marking: str
    evaluator: str
    started: AwareDatetime
    finished: AwareDatetime
    log_sha256: Digest
    tools: dict[str, str]


class Certificate(_Record):
    """The predicate of a certificate.

    Attributes:
        tier: the tier that was reached.
        uses: what the model may be used for.
        person_confirms: whether a named person confirms each answer.
        bounds: what was proven, with the alpha that the attempt spent.
        alpha: that alpha.
        evidence: digests of what was presented besides, by name.
        signers: how many certifiers and officers must sign it.
        policy: digest of the certification policy.
        evaluation: what it rests on.
        issued: from when it counts.
        expires: until when.
    """

    tier: str
    uses: tuple[str, ...]
    person_confirms: bool
    bounds: tuple[Proven, ...]
    alpha: float
    evidence: dict[str, Digest]
    signers: dict[Literal["certifier", "officer"], int] = {"certifier": 1}
    policy: Digest
    evaluation: Evaluation
    issued: AwareDatetime
    expires: AwareDatetime


class Serving(_Record):
    """What runs, for comparison with a certificate; ``policy`` is the digest of the certification policy."""

    model: Model
    engine_image: str
    parameters: dict[str, Any]
    policy: str
    site: str
    label: str


class Certifier(_Record):
    """A person who may sign certificates of models: their name and public key in PEM."""

    name: str
    public_key: str


REVOKED = "revoked.json"
"""Beside the model: payload digests of the certificates that officers withdrew, as the host writes them."""


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


def require(decision: Decision, name: str) -> None:
    """Refuse results that do not reach their tier.

    Raises:
        CertificateError: with every reason.
    """
    if not decision.reached:
        raise CertificateError(
            f"{name}: {decision.tier} is not reached: {'; '.join(decision.reasons)}",
            rule="a tier needs all its bounds and all its evidence (policies/certification.yml)",
            remedy="certify a lower tier that was evaluated, or change the model and evaluate again",
        )


def certify(
    results: Results,
    key: PrivateKey,
    days: int | None = None,
    now: datetime | None = None,
    *,
    policy: Certification | None = None,
    evidence: Mapping[str, str] | None = None,
) -> bytes:
    """The envelope of a certificate over ``results``, computed from their items and signed with ``key``.

    Args:
        results: the item results.
        key: the certifier's key.
        days: how long it counts; as long as the tier allows when None.
        now: when it is issued.
        policy: the certification policy in force; the project's own when None.
        evidence: digests of what was presented besides, by name.

    Raises:
        CertificateError: the tier is not reached, ``days`` is more than it allows, or the evaluator would sign.
    """
    policy = policy or standard()
    tier = policy.effective(results.tier)
    decision = decide(policy, results.tier, results, evidence)
    require(decision, results.model.name)
    days = tier.validity_days if days is None else days
    if not 1 <= days <= tier.validity_days:
        raise CertificateError(
            f"--expires {days}",
            rule=f"a certificate of {results.tier} is valid for 1 to {tier.validity_days} days",
            remedy=f"give --expires from 1 to {tier.validity_days}",
        )
    require_other_person(key.name, results.evaluator)
    issued = (now or datetime.now(UTC)).replace(microsecond=0)
    certificate = describe(results, decision, policy, issued, issued + timedelta(days=days), dict(evidence or {}))
    subjects = {f"{results.model.name}.gguf": results.model.sha256}
    return sign_statement(subjects, PREDICATE_TYPE, certificate.model_dump(mode="json"), [key])


def require_other_person(signer: str, evaluator: str) -> None:
    """Refuse the signature of the evaluator; ``signer`` is the name of a key.

    Raises:
        CertificateError: they are one person.
    """
    if signer.removeprefix("DEMO-") == evaluator:
        raise CertificateError(
            f"{evaluator} evaluated the model",
            rule="evaluator, model owner and certifier are different people",
            remedy="have another person read the results and sign",
        )


def describe(
    results: Results,
    decision: Decision,
    policy: Certification,
    issued: datetime,
    expires: datetime,
    evidence: dict[str, str],
) -> Certificate:
    """The certificate that follows from ``results``: nothing in it but dates and evidence is anybody's choice."""
    tier = policy.effective(results.tier)
    bounds = tuple(
        Proven(
            measure=finding.measure,
            estimate=finding.bound.estimate,
            bound=finding.bound.bound,
            limit=finding.threshold.upper or finding.threshold.lower or 0,
            n=finding.bound.n,
            clusters=finding.bound.clusters,
            estimator=finding.bound.estimator,
        )
        for finding in decision.findings
        if finding.bound
    )
    suites = tuple(
        Suite(suite=suite.suite, sha256=suite.sha256, items=len(suite.items), hold_out=suite.hold_out)
        for suite in results.suites
    )
    copied = {name: getattr(results, name) for name in Evaluation.model_fields if name not in _COMPUTED}
    evaluation = Evaluation(results_sha256=results.sha256, suites=suites, **copied)
    return Certificate(
        tier=results.tier,
        uses=tier.uses,
        person_confirms=tier.person_confirms,
        bounds=bounds,
        alpha=decision.alpha,
        evidence=evidence,
        signers=tier.signers,
        policy=policy.digest,
        evaluation=evaluation,
        issued=issued,
        expires=expires,
    )


_COMPUTED = {"results_sha256", "suites"}


def check_results(certificate: Certificate, results: Results, policy: Certification, name: str) -> None:
    """Compute a certificate again from the item results that it rests on.

    Raises:
        CertificateError: the results are others, do not reach the tier, or say something else than the certificate.
    """
    if results.sha256 != certificate.evaluation.results_sha256:
        raise CertificateError(
            f"{name}: rests on the results {certificate.evaluation.results_sha256}, the job has {results.sha256}",
            rule="a certificate counts for exactly the item results that the evaluation recorded",
            remedy="certify the results as they were downloaded",
        )
    decision = decide(policy, certificate.tier, results, certificate.evidence)
    require(decision, name)
    again = describe(results, decision, policy, certificate.issued, certificate.expires, certificate.evidence)
    if again != certificate:
        different = [
            field for field in Certificate.model_fields if getattr(again, field) != getattr(certificate, field)
        ]
        raise CertificateError(
            f"{name}: {', '.join(different)} do not follow from the item results",
            rule="what a certificate states is computed from the item results, and again at each installation",
            remedy="certify again: appliance model certify",
        )


def verify(
    data: bytes,
    name: str,
    certifiers: Mapping[str, PublicKey],
    model_sha256: str | None = None,
    *,
    officers: Mapping[str, PublicKey] | None = None,
) -> tuple[Certificate, tuple[str, ...]]:
    """Verify signatures and form of a certificate; return it and its signers.

    Args:
        data: the envelope.
        name: the file, for the error.
        certifiers: public keys of the people who may certify.
        model_sha256: digest that the certificate must be about, or None for any.
        officers: public keys of the officers, who sign too where the tier demands it.

    Raises:
        ApplianceError: fewer people signed it than its tier demands, or others, it is about other bytes, or is not a
            certificate.
    """
    people = _roles(certifiers, officers or {})
    keys = {signer: key for signer, (_, key) in people.items()}
    verified = verify_statement(data, keys, name, predicate_types=[PREDICATE_TYPE], sha256=model_sha256)
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
    signed = Counter(people[signer][0] for signer in verified.signers)
    if any(signed[role] < number for role, number in certificate.signers.items()):
        wanted = ", ".join(f"{number} {role}" for role, number in certificate.signers.items())
        raise CertificateError(
            f"{name}: signed by {', '.join(verified.signers)}; {certificate.tier} demands {wanted}",
            rule="policies/certification.yml, signers",
            remedy="have the others sign too: appliance model countersign",
        )
    return certificate, verified.signers


def _roles(certifiers: Mapping[str, PublicKey], officers: Mapping[str, PublicKey]) -> dict[str, tuple[str, PublicKey]]:
    """Who may sign, as what, with which key. A certifier who is an officer too signs as certifier alone."""
    known = {key.keyid for key in certifiers.values()}
    people = {name: ("certifier", key) for name, key in certifiers.items()}
    for name, key in officers.items():
        if name not in people and key.keyid not in known:
            people[name] = ("officer", key)
    return people


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
        ("policy", certificate.policy, serving.policy),
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


def check_use(certificate: Certificate, use: str, name: str, *, demo: bool) -> None:
    """Compare what a model is certified for with what it is used for.

    Raises:
        CertificateError: the use is not among those of its tier, or an exercise is held on a site that is none.
    """
    if use == EXERCISE and not demo:
        raise CertificateError(
            f"{name}: this is no DEMO site",
            rule="the use `exercise` is for fictional data on DEMO sites",
            remedy="certify the model at a tier for what it does here",
        )
    if use not in certificate.uses:
        raise CertificateError(
            f"{name}: {certificate.tier} is for {', '.join(certificate.uses)}; this enclave uses its model for {use}",
            rule="a model is used for what its tier allows (policies/certification.yml)",
            remedy="evaluate it for a tier that allows this use, or have the officers declare another use in site.yml",
        )


def digest_of(data: bytes) -> str:
    """SHA-256 of a certificate's payload, by which it is known and revoked.

    The envelope is not what counts: its signature has a second form (r, n - s) that verifies as well.
    """
    return hashlib.sha256(canonical.encode(payload_of(data, "the certificate")[1])).hexdigest()
