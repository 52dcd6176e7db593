"""Import into and export out of an enclave: through its gateway, as a user who may, with officers' approval outward.

Both directions ask the gateway with the user's own certificate, so dominance, roles and need-to-know decide as always.
What leaves is held on the host, marked inside and in its name, until two officers have signed exactly its digest and
destination; one approval releases one file once.
"""

import hashlib
import json
import re
import secrets
import shutil
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Lineage, Scope
from appliance.contract.manifest import Exchange
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import BODY_BYTES, manifests
from appliance.enclave.site import Enclave, Site, validated
from appliance.errors import ApplianceError
from appliance.host.data import file_check, records
from appliance.markings import dominates, parse
from appliance.monitor.decide.certificate_names import CertificateNames, PrincipalError, common_names, principals
from appliance.monitor.decide.registry import Registry
from appliance.monitor.decide.revocations import FOLDER, require_not_revoked
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust import canonical
from appliance.trust.certificates import read_certificate
from appliance.trust.files import read_limited, replace_file, sync
from appliance.trust.keys import DEMO
from appliance.trust.officers import load_signed_by, payload_digest

KIND: Literal["export"] = "export"
IMPORT, EXPORT = "data.import", "data.export"
HELD = "exchange"
SPENT = "spent"
"""Below it, a file for each approval that was used: it stays, so that nothing brings one back."""
LONGEST = timedelta(days=7)
NAMED = 500
"""Identifiers in one record of the log, which takes 64 KiB."""
IMPORTED = "import:"
"""Beginning of the external ids that an import gives: the digest of the file, and the place of the record in it."""
MAXIMUM_SIZE = 1 << 16
CONNECT_SECONDS = 10


class Approval(BaseModel):
    """What two officers sign before a file leaves.

    Attributes:
        id: of the held file; it is released once.
        site: the site.
        enclave: where it comes from.
        marking: what it is marked with.
        file: its name.
        sha256: of its bytes.
        source: SHA-256 of what the service gave, as its own record in the log names it.
        subject: who asked for it.
        destination: to whom it goes: a registered medium, or an enclave.
        destination_label: the highest marking that it may hold.
        expires: when the approval lapses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    site: str
    enclave: str
    marking: str
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,250}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    source: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    subject: str
    destination: Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    destination_label: str | None = None
    expires: AwareDatetime


def import_file(
    paths: HostPaths, name: str, file: Path, project: str, certificate: Path, key: Path, marking: str | None
) -> dict[str, Any]:
    """Add the records of a file to a project of an enclave, all in one request, so that all are added or none.

    A record without an external id gets one from the file's digest and its place, so a second run adds nothing.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        file: ``.jsonl`` or ``.json``, as the service exports it or Label Studio does; read once.
        project: identifier of the project.
        certificate: the user's certificate.
        key: its key.
        marking: of the file, where it carries none itself.

    Raises:
        ApplianceError: the file may not pass, carries another marking, a record is wrong (it is named), or the gateway
            refuses the user.
    """
    statements = installed_statements(paths)
    site = statements.site
    enclave = site.enclave(name)
    content = file_check.check_file(file, site.exchange)
    banner = file_check.label_within(content.marking or marking, enclave, str(file))
    if marking is not None and banner != file_check.label_within(marking, enclave, "--marking"):
        raise ApplianceError(
            f"{file}: carries {banner}, not {marking}",
            rule="a file has one marking: its own",
            remedy="leave --marking out, or correct the marking in the file",
        )
    places = [f"{file}, {place}" for place in content.places]
    tasks = [
        records.task(row, banner, enclave, place, f"{IMPORTED}{content.sha256}:{number}")
        for number, (row, place) in enumerate(zip(content.rows, places, strict=True), start=1)
    ]
    body = _body(file, tasks)
    path = _exchange(paths, enclave).take.replace("{project}", project)
    digest, subject = f"sha256:{content.sha256}", _subject(certificate, statements.registry)
    detail = {"file": file.name[:200], "marking": banner, "project": project, "records": len(tasks)}
    with _session(enclave, paths, certificate, key) as client:
        _record(paths, enclave, subject, IMPORT, detail, Lineage(inputs=(digest,)))
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        added: list[str] = _added(answer, enclave, places).json()["tasks"]
        for start in range(0, len(added), NAMED):
            made = {**detail, "imported": added[start : start + NAMED]}
            _record(paths, enclave, subject, IMPORT, made, Lineage(inputs=(digest,)))
    return {"enclave": name, "marking": banner, "sha256": content.sha256, "tasks": added}


def _body(file: Path, tasks: list[dict[str, Any]]) -> bytes:
    """The request that adds ``tasks``.

    Raises:
        ApplianceError: it is larger than a gateway lets in.
    """
    body = json.dumps({"tasks": tasks}, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > BODY_BYTES:
        parts = -(-len(body) // (BODY_BYTES * 9 // 10))
        raise ApplianceError(
            f"{file}: its {len(tasks)} records are {len(body)} bytes, and {BODY_BYTES} go in at once",
            rule="the records of a file are added all or none, so they go through the gateway in one request",
            remedy=f"divide it into {parts} files of at most {max(1, len(tasks) // parts)} records each",
        )
    return body


def _added(answer: httpx.Response, enclave: Enclave, places: Sequence[str]) -> httpx.Response:
    """The answer to an import; what the service says of a record is said of its place in the file.

    Raises:
        ApplianceError: it added nothing.
    """
    try:
        said: dict[str, str] = answer.json()["error"] if answer.status_code in {409, 422} else {}
        message, rule, remedy = said["message"], said.get("rule", ""), said.get("remedy", "")
        about = re.match(r"(?:body\.)?tasks\.(\d+)(?:\.([A-Za-z0-9_.-]+))?: ", message)
    except (ValueError, KeyError, TypeError):
        return _allowed(answer, enclave)
    where = places[int(about[1])] if about and int(about[1]) < len(places) else str(enclave.name)
    field = f"{about[2]}: " if about and about[2] else ""
    raise ApplianceError(
        f"{where}: {field}{message[about.end() :] if about else message}; nothing was imported",
        rule=rule or "a service takes all records of a file or none",
        remedy=remedy or "correct that record and import the file again",
    )


def _exchange(paths: HostPaths, enclave: Enclave) -> Exchange:
    """Where files of records go in and come out of ``enclave``.

    Raises:
        ApplianceError: none of its services takes any.
    """
    for service in manifests(enclave, installed_catalogue(paths)):
        if service.exchange:
            return service.exchange
    raise ApplianceError(
        f"no service of enclave {enclave.name!r} takes or gives files of records",
        rule="a service says so in its manifest (exchange)",
        remedy="name an enclave that runs one",
    )


def _path_of(exchange: Exchange, kind: str, project: str) -> str:
    """The path from which a project is read as a file of ``kind``.

    Raises:
        ApplianceError: the service has no such form.
    """
    for known, path in exchange.give.items():
        if known == kind:
            return path.replace("{project}", project)
    raise ApplianceError(f"{kind!r} is no form of export here", remedy=f"one of {', '.join(exchange.give)}")


def hold(
    paths: HostPaths, name: str, project: str, kind: str, destination: str, certificate: Path, key: Path
) -> Approval:
    """Fetch the export of a project as its user, mark it, and hold it until two officers approve.

    Raises:
        ApplianceError: the gateway refuses the user, or the file may not pass.
    """
    statements = installed_statements(paths)
    site = statements.site
    enclave = site.enclave(name)
    path = _path_of(_exchange(paths, enclave), kind, project)
    destination_label = _may_hold(site, enclave, destination)
    with _session(enclave, paths, certificate, key) as client:
        answer = _allowed(client.get(path), enclave)
    if answer.headers.get("X-Classification") != enclave.label:
        raise ApplianceError(f"{path}: the answer is not marked {enclave.label}", rule="nothing leaves unmarked")
    identifier, subject = secrets.token_hex(16), _subject(certificate, statements.registry)
    folder = paths.root / HELD / identifier
    folder.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o700)
    words = "-".join("".join(c if c.isalnum() else " " for c in enclave.label).split())
    file = folder / f"{site.site}-{name}-{words}-{identifier[:8]}.{kind}"
    try:
        rows = file_check.read_rows(answer.content, kind, path).rows
        classification = {"marking": enclave.label, "derivative_source": False, "destination": destination}
        replace_file(file, file_check.with_marking(rows, kind, classification))
        written = file_check.check_file(file, site.exchange)
        asked = validated(
            Approval,
            {
                "id": identifier,
                "site": site.site,
                "enclave": name,
                "marking": enclave.label,
                "file": file.name,
                "sha256": written.sha256,
                "source": _digest(answer.content).removeprefix("sha256:"),
                "subject": subject,
                "destination": destination,
                "destination_label": destination_label,
                "expires": datetime.now(UTC).replace(microsecond=0) + LONGEST,
            },
            "the export",
        )
        replace_file(folder / "request.json", canonical.encode(asked.model_dump(mode="json")))
    except BaseException:
        shutil.rmtree(folder)
        raise
    return asked


def release(paths: HostPaths, statement: Path, out: Path) -> tuple[Path, Approval]:
    """Write a held file to ``out``, once two officers have signed its digest and destination; recorded before.

    Raises:
        ApplianceError: fewer signatures, lapsed, released before, another file, or ``out`` has a file of that name.
    """
    value, signers = load_signed_by(statement, paths.registries / "current" / "officers.json", KIND)
    found = validated(Approval, value, statement.name)
    statements = installed_statements(paths)
    require_others(found.subject, signers, statements.registry, str(statement))
    require_not_revoked(paths.root / FOLDER, KIND, payload_digest(value), str(statement))
    folder = paths.root / HELD / found.id
    if found.expires <= datetime.now(UTC):
        raise ApplianceError(
            f"{statement}: lapsed {found.expires:%Y-%m-%d %H:%M} UTC", remedy="ask for the export again"
        )
    spent = paths.root / HELD / SPENT / found.id
    if spent.exists() or not folder.is_dir():
        raise ApplianceError(
            f"{statement}: nothing is held for it",
            rule="an approval releases one file, once",
            remedy="name an approval that was not released yet, on the host that holds the export",
        )
    held = read_limited(folder / found.file, statements.site.exchange.maximum_bytes)
    request = canonical.decode_canonical(read_limited(folder / "request.json", MAXIMUM_SIZE), "request.json")
    if request != value or _digest(held) != f"sha256:{found.sha256}":
        raise ApplianceError(
            f"{folder / found.file}: is not what the officers signed",
            rule="an approval is for one digest and destination",
            remedy="export again, and have that approved",
        )
    target = out / found.file
    if target.exists() or not out.is_dir():
        raise ApplianceError(f"{target}: exists, or {out} is not a folder", remedy="name a folder without it")
    enclave = statements.site.enclave(found.enclave)
    if _may_hold(statements.site, enclave, found.destination) != found.destination_label:
        raise ApplianceError(
            f"{statement}: {found.destination} was {found.destination_label}, and is another now",
            rule="an approval is for a destination with the label that the officers saw",
            remedy="export again, and have that approved",
        )
    detail = {"id": found.id, "file": found.file, "destination": found.destination, "bytes": len(held)}
    lineage = Lineage(inputs=(f"sha256:{found.source}",), outputs=(f"sha256:{found.sha256}",))
    spent.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(spent, statement.name.encode())  # first of all and for good: whatever crashes, nothing leaves twice
    try:
        _record(paths, enclave, found.subject, EXPORT, detail, lineage)
    except BaseException:
        spent.unlink()
        sync(spent.parent)
        raise
    replace_file(target, held)
    shutil.rmtree(folder)
    return target, found


def require_others(requester: str, signers: Sequence[str], registry: Registry, where: str) -> None:
    """Refuse an approval that is not by two people other than the requester, whatever name they sign under.

    Raises:
        ApplianceError: fewer than two others signed.
    """
    others = {signer for signer in signers if requester not in _subjects_of(signer, registry)}
    if len(others) < 2:
        raise ApplianceError(
            f"{where}: {requester} asked for the export, and is among those who approve it",
            rule="two officers approve what leaves, and neither is who asked for it (AC-5)",
            remedy="have another officer approve it",
        )


def _subjects_of(officer: str, registry: Registry) -> set[str]:
    """The subjects that an officer may be: of the same name, or whom the table of certificates calls so."""
    name = officer.removeprefix(f"{DEMO}-")
    return {
        officer,
        name,
        *registry.called(CertificateNames(officer, ())),
        *registry.called(CertificateNames(name, ())),
    }


def _may_hold(site: Site, enclave: Enclave, destination: str) -> str:
    """The label of a destination, once it may hold what is of ``enclave``.

    Raises:
        ApplianceError: it is not registered, or its label does not dominate the enclave's.
    """
    label = site.destination_label(destination)
    if not dominates(parse(label, enclave.marking.vocabulary).label, enclave.lattice):
        raise ApplianceError(
            f"{destination} may hold {label}, and the export is {enclave.label}",
            rule="what leaves goes only where its label is dominated",
            remedy="name a destination that may hold it",
        )
    return label


@contextmanager
def _session(enclave: Enclave, paths: HostPaths, certificate: Path, key: Path) -> Iterator[httpx.Client]:
    """The user at the enclave's gateway, working at its level."""
    context = ssl.create_default_context(cafile=str(paths.certificates / "ca.pem"))
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ApplianceError(
            f"{certificate}: is no certificate with the key {key}",
            rule="a user comes to the gateway with a certificate and the key that it was issued for, both in PEM",
            remedy="name <name>.pem and <name>.key of `appliance user issue`",
        ) from error
    try:
        with httpx.Client(
            base_url=f"https://{enclave.address}",
            verify=context,
            timeout=httpx.Timeout(300, connect=CONNECT_SECONDS),
            trust_env=False,
        ) as client:
            shown = _allowed(client.get("/session"), enclave).json()["session"] or {}
            working = shown.get("enclave") == enclave.name  # in the user's browser, whose session stays as it is
            if not working:
                _allowed(client.post("/session"), enclave)
            try:
                yield client
            finally:
                if not working:
                    client.delete("/session")
    except httpx.HTTPError as error:
        another = "CERTIFICATE_VERIFY_FAILED" in str(error)
        what = "is not of this site: its certificate is another authority's" if another else f"does not answer: {error}"
        raise ApplianceError(
            f"the gateway of {enclave.name} at {enclave.address}, port 443, {what}",
            rule="data enter and leave an enclave through its gateway, as its users do",
            remedy="see what runs: appliance host status; what should: appliance host recover",
        ) from error


def _allowed(answer: httpx.Response, enclave: Enclave) -> httpx.Response:
    if not answer.is_success:
        reference = answer.headers.get("X-Request-Id", "none")
        raise ApplianceError(
            f"the gateway of {enclave.name} refuses with status {answer.status_code}, request {reference}",
            rule="import and export are for users who may (access.yml)",
            remedy="an officer finds the reason by the request's number",
        )
    return answer


def _subject(certificate: Path, registry: Registry) -> str:
    """Whom a user's certificate names, for the record; the gateway judges the certificate itself."""
    read = read_certificate(certificate)
    try:
        name = str(common_names(read)[0])
        called = registry.called(CertificateNames(name, principals(read)))
        return next(iter(called)) if len(called) == 1 else name
    except (IndexError, PrincipalError) as error:
        raise ApplianceError(
            f"{certificate}: no certificate of a user: it names nobody",
            rule="a user's certificate names the registered subject",
            remedy="name <name>.pem of `appliance user issue`",
        ) from error


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _record(
    paths: HostPaths, enclave: Enclave, subject: str, activity: str, detail: dict[str, Any], lineage: Lineage
) -> None:
    scope = Scope(label=enclave.marking.label.encode(), enclave=enclave.name)
    event = events.activity(scope, subject, activity, lineage, detail=detail)
    spool.record(paths.root, event)
