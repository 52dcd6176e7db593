"""Certificates of models on this host: verified against the signed site, recorded, then given to the engine."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Lineage, Scope
from appliance.contract.catalogue import read_catalogue
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.state.model_evidence import RUN, check_log, results_of
from appliance.host.state.revocation import tell_engines
from appliance.monitor.decide.revocations import FOLDER, require_not_revoked
from appliance.monitor.in_force.statements import Statements, installed_statements
from appliance.service.certificate import (
    Certificate,
    CertificateError,
    Certifier,
    check_results,
    check_use,
    digest_of,
    keys_of,
    verify,
)
from appliance.trust.files import replace_file
from appliance.trust.officers import load_officers


def install_certificate(paths: HostPaths, enclave_name: str, file: Path) -> dict[str, Any]:
    """Verify a certificate, compute it again from its item results, and put it beside its model.

    Recorded before it takes effect.

    Args:
        paths: where the appliance lives.
        enclave_name: the enclave whose model it is for.
        file: the certificate.

    Returns:
        Model, signers and expiry.

    Raises:
        ApplianceError: no certifier of the site signed it, it is for another model, enclave or label, it does not
            follow from item results that the log vouches for, or the enclave uses its model for something else.
    """
    statements = installed_statements(paths)
    site = statements.site
    enclave = site.enclave(enclave_name)
    data = file.read_bytes()
    keys = keys_of(Certifier(name=person.name, public_key=person.public_key) for person in site.certifiers)
    officers = load_officers(paths.registries / "current" / "officers.json").officers
    certificate, signers = verify(data, file.name, keys, officers=officers)
    evaluation = certificate.evaluation
    if evaluation.label != enclave.marking.label.encode() or evaluation.model.name not in enclave.models:
        raise ApplianceError(
            f"{file.name}: certifies {evaluation.model.name} for {evaluation.marking}, "
            f"but enclave {enclave.name!r} runs {', '.join(enclave.models)} at {enclave.label}",
            rule="a certificate counts for exactly the model and label that were evaluated",
            remedy="install it in the enclave that it was evaluated in, or evaluate there",
        )
    if datetime.now(UTC) >= certificate.expires:
        raise ApplianceError(f"{file.name}: expired on {certificate.expires:%Y-%m-%d}", remedy="evaluate again")
    model = paths.volume(enclave.name, "models") / f"{evaluation.model.name}.gguf"
    with model.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != evaluation.model.sha256:
        raise ApplianceError(
            f"{file.name}: certifies the digest {evaluation.model.sha256}, the model file has {found}",
            rule="a certificate counts for exactly the bytes that were evaluated",
            remedy="evaluate and certify the model that is installed",
        )
    require_not_revoked(paths.root / FOLDER, "certificate", digest_of(data), file.name)
    _check_signers(certificate, signers, statements, file.name)
    policy = site.certification_policy
    check_use(certificate, enclave.declared_use(demo=site.demo), file.name, demo=site.demo)
    (runner,) = read_catalogue(paths.catalogue.read_bytes(), paths.catalogue.name).recorders(RUN)
    results = results_of(paths, enclave.name, runner, certificate)
    check_results(certificate, results, policy, file.name)
    check_log(paths.root / "log", results, policy)
    _record(paths, site.system_high.marking.label.encode(), signers, evaluation.model.name, data)
    tell_engines(paths, site)
    target = model.with_name(f"{evaluation.model.name}.certificate.dsse.json")
    replace_file(target, data, mode=0o444)
    return {"model": evaluation.model.name, "signers": list(signers), "expires": certificate.expires.isoformat()}


def _check_signers(certificate: Certificate, signers: tuple[str, ...], statements: Statements, name: str) -> None:
    """Evaluator and model owner sign no certificate."""
    for signer in signers:
        subject = statements.registry.find(signer)
        if signer == certificate.evaluation.evaluator or (
            subject and {"evaluator", "model-owner"} & set(subject.roles)
        ):
            raise CertificateError(
                f"{name}: {signer} signed it and is evaluator or model owner",
                rule="evaluator, model owner and certifier are different people",
                remedy="have another certifier read the results and sign",
            )


def _record(paths: HostPaths, label: str, signers: tuple[str, ...], model: str, data: bytes) -> None:
    digest = f"sha256:{digest_of(data)}"
    event = events.activity(
        Scope(label=label), signers[0], "certificate.install", Lineage(inputs=(digest,)), detail={"model": model}
    )
    spool.record(paths.root, event)
