"""`appliance user`."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import (
    ROOT,
    AnyRoot,
    Authority,
    Json,
    PassphraseFile,
    SubjectName,
    print_json,
    print_table,
    read_passphrase,
)
from appliance.cli.site.access import AccessFile, SiteFile, SubjectsFile, judged, judged_registry, show, today
from appliance.errors import ApplianceError

BrowserPassphrase = Annotated[
    Path | None, inputs.file_option("Passphrase of the PKCS#12 file; without it, one is made and written beside.")
]
app = Commands("user")


@app.callback()
def user() -> None:
    """Issue subjects' certificates; say who they are and what they reach."""


@app.command()
def issue(
    name: SubjectName,
    *,
    ca: Authority,
    out: Annotated[Path, inputs.new_folder_option("Folder for the certificate.")],
    days: Annotated[int, inputs.word_option("DAYS", "Validity in days.", min=1, max=1825)] = 365,
    passphrase_file: PassphraseFile = None,
    browser_passphrase_file: BrowserPassphrase = None,
    as_json: Json = False,
) -> None:
    """Issue a client certificate: PEM and key for programs, PKCS#12 for browsers.

    Example: appliance user issue anna --ca keys/ca --out certificates
    """
    _check_name(name)
    issued = _issue(name, ca, out, days, passphrase_file, browser_passphrase_file)
    if as_json:
        print_json(issued)
    else:
        _tell(issued)


@app.command()
def renew(
    certificate: Annotated[Path, inputs.file_argument("The subject's present certificate, in PEM.")],
    *,
    ca: Authority,
    out: Annotated[Path, inputs.new_folder_option("Folder for the new certificate, which has none of that name.")],
    days: Annotated[int, inputs.word_option("DAYS", "Validity in days.", min=1, max=1825)] = 365,
    passphrase_file: PassphraseFile = None,
    browser_passphrase_file: BrowserPassphrase = None,
    as_json: Json = False,
) -> None:
    """Issue the successor of a certificate, with a key of its own; both are valid until the old one ends or is revoked.

    Example: appliance user renew certificates/anna.pem --ca keys/ca --out renewed
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import NameOID

    from appliance.trust.certificates import read_certificate

    old = read_certificate(certificate)
    try:
        old.verify_directly_issued_by(read_certificate(ca / "ca.pem"))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise ApplianceError(
            f"{certificate}: not a certificate of this authority",
            rule="a certificate is renewed by the authority that issued it",
            remedy="name that authority, or issue a new one: `appliance user issue`",
        ) from error
    name = str(old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    _check_name(name)
    issued = _issue(name, ca, out, days, passphrase_file, browser_passphrase_file)
    issued["replaces"] = format(old.serial_number, "x")
    if as_json:
        print_json(issued)
        return
    _tell(issued)
    print(f"once it is in use, revoke the old one: `revoked: [{issued['replaces']}]` in subjects.yml")


@app.command("list")
def list_subjects(
    *,
    root: AnyRoot = ROOT,
    subjects: SubjectsFile = None,
    certificates: Annotated[
        Path | None, inputs.folder_option("Folder of the certificates that were issued, <name>.pem.")
    ] = None,
    within: Annotated[int, inputs.word_option("DAYS", "Warn so many days before something expires.", min=0)] = 30,
    as_json: Json = False,
) -> None:
    """List the subjects with what they hold, and what of it expires soon.

    Example: appliance user list --certificates certificates --within 60
    """
    registry = judged_registry(root, subjects)
    soon = today() + timedelta(days=within)
    rows = []
    for subject in registry.subjects:
        ends = _ends(certificates / f"{subject.name}.pem") if certificates else None
        expiring = [
            f"{what} {end:%Y-%m-%d}"
            for what, end in (("registration", subject.expires), ("certificate", ends.date() if ends else None))
            if end and end <= soon.date()
        ]
        also = [entry.key[1] for entry in registry.certificates if entry.subject == subject.name]
        known = {"certificate": ends and ends.isoformat(), "expiring": expiring, "certificate_names": also}
        rows.append(subject.model_dump(mode="json") | known)
    from rich.table import Table

    if certificates and rows and not any(row["certificate"] for row in rows):
        raise ApplianceError(
            f"{certificates}: holds no certificate of any subject",
            rule="a certificate is looked for as <name>.pem; without one, nobody can know when it ends",
            remedy="name the folder that the certificates were issued into: appliance user issue --out",
        )
    if as_json:
        print_json(rows)
        return
    table = Table("subject", "clearance", "need", "nationalities", "roles", "groups", "until", "renew")
    for row in rows:
        lists = (", ".join(row[key]) for key in ("need", "nationalities", "roles", "groups"))
        name = "\n".join([row["name"], *row["certificate_names"]])
        table.add_row(name, row["clearance"], *lists, row["expires"], _soon(row, asked=certificates is not None))
    print_table(table)


def _soon(row: dict[str, Any], *, asked: bool) -> str:
    """What expires soon, and that a certificate was not found where it was looked for."""
    return "\n".join([*row["expiring"], *(["no certificate"] if asked and not row["certificate"] else [])])


@app.command()
def access(
    name: SubjectName,
    *,
    root: AnyRoot = ROOT,
    site: SiteFile = None,
    subjects: SubjectsFile = None,
    rules: AccessFile = None,
    as_json: Json = False,
) -> None:
    """Say what a subject can reach, by the signed statements or by files that nobody has signed yet.

    Example: appliance user access anna --subjects subjects.yml
    """
    from appliance.monitor.decide.access import reach  # keeps `appliance --help` quick

    where, registry, policy = judged(root, site, subjects, rules)
    subject = registry.find(name)
    if subject is None:
        raise ApplianceError(
            f"no subject is called {name!r}",
            rule="who is not registered reaches nothing",
            remedy="see who is: appliance user list",
        )
    day = today().date()
    show([reach(subject, one, where, policy, day) for one in where.enclaves], "enclave", as_json=as_json)


@app.command()
def whose(
    certificate: Annotated[Path, inputs.file_argument("A certificate, in PEM: of a smart card, or issued here.")],
    *,
    root: AnyRoot = ROOT,
    subjects: SubjectsFile = None,
    as_json: Json = False,
) -> None:
    """Say whom a certificate's names mean, or which entry of subjects.yml would say it.

    Signature, dates and revocation are judged when the certificate is used.

    Example: appliance user whose doe.pem --subjects subjects.yml
    """
    from appliance.monitor.decide.certificate_names import SITE_FORM, CertificateNames, common_names, principals
    from appliance.trust.certificates import read_certificate

    read = read_certificate(certificate)
    registry = judged_registry(root, subjects)
    texts = common_names(read)
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise ApplianceError(
            f"{certificate}: has {len(texts)} common names instead of one text",
            rule="a certificate names its holder by one common name",
            remedy="have the authority issue another one",
        )
    names = CertificateNames(texts[0], principals(read))
    meant = registry.called(names) | ({names.common_name} if SITE_FORM.fullmatch(names.common_name) else set())
    known = sorted(name for name in meant if registry.find(name))
    said = {"common_name": names.common_name, "upn": [*names.principals], "means": sorted(meant), "registered": known}
    if as_json:
        print_json(said)
    else:
        print(f"common name {names.common_name!r}" + "".join(f", UPN {text!r}" for text in names.principals))
        print(_verdict(names.common_name, sorted(meant), known))
    if len(meant) != 1 or not known:
        raise typer.Exit(1)


def _verdict(common_name: str, meant: list[str], known: list[str]) -> str:
    """What the names of a certificate come to, and what to write where they come to nothing."""
    if len(meant) > 1:
        return f"refused: they mean several, {', '.join(meant)}"
    if meant:
        return f"stands for {meant[0]}" if known else f"refused: {meant[0]} is not registered"
    entry = json.dumps(common_name, ensure_ascii=False)
    return f"refused: nobody's; an entry under certificates in subjects.yml: {{subject: NAME, common_name: {entry}}}"


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise ApplianceError(
            f"{name!r} is not a subject's name",
            rule="subjects are registered in lower-case letters, digits and dashes",
            remedy="for workloads: `appliance site issue-certificates`",
        )


def _issue(  # the options of both commands
    name: str, ca: Path, out: Path, days: int, passphrase_file: Path | None, browser_passphrase_file: Path | None
) -> dict[str, Any]:
    import secrets

    from appliance.trust.certificates import issue_client, load_authority
    from appliance.trust.keys import write_private

    authority = load_authority(ca, read_passphrase(passphrase_file) if passphrase_file else None)
    issued = issue_client(authority, name, not_after=datetime.now(UTC) + timedelta(days=days))
    issued.write(out, name)
    if browser_passphrase_file:
        secret = read_passphrase(browser_passphrase_file)
    else:
        secret = secrets.token_urlsafe(12).encode()
        write_private(out / f"{name}.p12.passphrase", secret + b"\n")
    write_private(out / f"{name}.p12", issued.pkcs12(name, authority.certificate, secret))
    (out / "ca.pem").write_bytes(authority.pem)
    return {
        "subject": name,
        "serial": format(issued.certificate.serial_number, "x"),
        "expires": issued.certificate.not_valid_after_utc.isoformat(),
        "demo": authority.key.demo,
        "files": [str(out / f"{name}.{kind}") for kind in ("pem", "key", "p12")],
    }


def _tell(issued: dict[str, Any]) -> None:
    demo = ", DEMO" if issued["demo"] else ""
    print(f"{issued['subject']}: serial {issued['serial']}, until {issued['expires']}{demo}")
    print("\n".join(f"  {file}" for file in issued["files"]))


def _ends(certificate: Path) -> datetime | None:
    from appliance.trust.certificates import read_certificate

    return read_certificate(certificate).not_valid_after_utc if certificate.is_file() else None
