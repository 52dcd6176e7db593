"""`appliance site`: withdrawing what was signed, and going back to an earlier statement; both by two officers."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    Json,
    OfficerKey,
    PassphraseFile,
    Root,
    Run,
    Statement,
    print_json,
    sign_as_officer,
)

SUBJECTS = {"break-glass": "subject", "export": "id", "erase": "enclave", "roll-back": "statement"}
"""The field of a statement that says whom or what it is about."""


def draft_revocation(
    signed: Annotated[Path, inputs.file_argument("The signed statement or certificate to withdraw.")],
    *,
    site: Annotated[str, inputs.word_option("NAME", "Name of the site.")],
    reason: Annotated[str, inputs.word_option("TEXT", "Why, for the record; at least ten characters.")],
    out: Annotated[Path, inputs.new_file_option("The YAML for the officers to read and sign.")],
    as_json: Json = False,
) -> None:
    r"""Write what withdraws a signed statement: its kind, its subject and the digest of its payload.

    Example: appliance site draft-revocation small.certificate.dsse.json --site alpha --reason "it leaks canaries" \
        --out revoke.yml
    """
    import yaml  # keeps `appliance --help` quick

    from appliance.enclave.site import validated  # as above
    from appliance.monitor.decide.revocations import Revocation  # as above
    from appliance.trust.dsse import payload_of  # as above
    from appliance.trust.files import read_limited  # as above
    from appliance.trust.officers import MAXIMUM_SIZE, payload_digest  # as above

    data = read_limited(signed, MAXIMUM_SIZE)
    kind, subject = _about(data, str(signed))
    payload = payload_digest(payload_of(data, str(signed))[1])
    value = {"site": site, "kind": kind, "subject": subject, "payload": payload, "reason": reason}
    draft = validated(Revocation, value, str(signed)).model_dump(mode="json")
    out.write_text(yaml.safe_dump(draft, sort_keys=False))
    print_json({"file": str(out)} | draft) if as_json else print(f"{out}: withdraws the {kind} of {subject}")


def _about(data: bytes, name: str) -> tuple[str, str]:
    """Kind and subject of what is to be withdrawn.

    Raises:
        ApplianceError: it is nothing that can be.
    """
    from appliance.errors import ApplianceError
    from appliance.service.certificate import CertificateError, read_unverified
    from appliance.trust.dsse import payload_of
    from appliance.trust.officers import payload_type

    signed, value = payload_of(data, name)
    for kind, field in SUBJECTS.items():
        if signed == payload_type(kind) and isinstance(value, dict) and field in value:
            return kind, str(value[field])
    try:
        return "certificate", read_unverified(data, name).evaluation.model.name
    except CertificateError as error:
        raise ApplianceError(
            f"{name}: is nothing that is withdrawn, but a signed statement of the type {signed[:80]!r}",
            rule=f"withdrawn are certificates of models and statements of the kinds {', '.join(SUBJECTS)}",
            remedy="replace site, subjects and access rules by a later version: appliance site apply",
        ) from error


def sign_revocation(
    file: Annotated[Path, inputs.file_argument("YAML: site, kind, subject, payload, reason.")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign, on your own machine, that something signed is withdrawn; two officers must.

    Example: appliance site sign-revocation revoke.yml --key isso.pem --out revoke.dsse.json
    """
    from appliance.monitor.decide.revocations import KIND, Revocation  # keeps `appliance --help` quick

    sign_as_officer(file, Revocation, KIND, key, out, passphrase_file, as_json=as_json)


def sign_roll_back(
    file: Annotated[Path, inputs.file_argument("YAML: site, statement, in_force, wanted, reason, expires.")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign, on your own machine, that an earlier statement takes effect again; two officers must.

    Put the result into the site folder as roll-back.dsse.json, beside the earlier statement.

    Example: appliance site sign-roll-back back.yml --key isso.pem --out site/roll-back.dsse.json
    """
    from appliance.monitor.in_force.lineage import KIND, RollBack  # keeps `appliance --help` quick

    sign_as_officer(file, RollBack, KIND, key, out, passphrase_file, as_json=as_json)


def revoke(
    statement: Annotated[Path, inputs.file_argument("The revocation, signed by two officers.", metavar="STATEMENT")],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Withdraw something signed, from the next request on; recorded first. Running answers of a model end.

    Example: appliance site revoke revoke.dsse.json
    """
    from appliance.enclave.paths import HostPaths  # keeps `appliance --help` quick
    from appliance.host.state.revocation import revoke as run_revoke

    said = run_revoke(HostPaths(root.resolve(), run), statement, dry_run=dry_run)
    if as_json:
        print_json(said)
        return
    state = "would be withdrawn" if dry_run else "is withdrawn"
    print(f"the {said['kind']} of {said['subject']} {state}: {said['reason']}")


def sign_time(
    file: Annotated[Path, inputs.file_argument("YAML: site, time, records, reason.")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign, on your own machine, what time it is, after the host's clock was wrong; two officers must.

    Example: appliance site sign-time time.yml --key isso.pem --out time.dsse.json
    """
    from appliance.host.state.clock import KIND, Attestation  # keeps `appliance --help` quick

    sign_as_officer(file, Attestation, KIND, key, out, passphrase_file, as_json=as_json)


def attest_time(
    statement: Annotated[Path, inputs.file_argument("The time, signed by two officers.", metavar="STATEMENT")],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Leave records with a wrong time out of account, once the clock is right again; recorded first.

    Example: appliance site attest-time time.dsse.json
    """
    from appliance.enclave.paths import HostPaths  # keeps `appliance --help` quick
    from appliance.host.state.clock import attest

    said = attest(HostPaths(root.resolve(), run), statement, dry_run=dry_run)
    print_json(said) if as_json else print(f"{said['time']}: the first {said['records']} records do not count for it")


def add(app: typer.Typer) -> None:
    """Add the commands to `appliance site`."""
    for command in (draft_revocation, sign_revocation, revoke, sign_roll_back, sign_time, attest_time):
        app.command(command.__name__.replace("_", "-"))(command)
