"""`appliance site`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.bundle.catalogue import CatalogueFile, chosen_catalogue, required_catalogue
from appliance.cli.shared import contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    Authority,
    DryRun,
    Json,
    PassphraseFile,
    Root,
    Run,
    open_officer_key,
    print_json,
    read_passphrase,
    read_yaml,
)
from appliance.cli.site import withdraw
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.trust.officers import Officers

app = Commands("site")


class Kind(StrEnum):
    """Kinds of statement that two officers sign."""

    site = "site"
    subjects = "subjects"
    access = "access"
    inventory = "inventory"


@app.callback()
def site() -> None:
    """Check and sign the site's own statements: enclaves, subjects, access."""


@app.command()
def check(
    file: Annotated[Path, inputs.file_argument("The statement, as YAML.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What it states.")],
    catalogue: CatalogueFile = None,
    as_json: Json = False,
) -> None:
    """Check a statement before anybody signs it, a site also against the services that a bundle offers.

    Example: appliance site check subjects.yml --kind subjects
    """
    _check_services(_read(file, kind), kind, catalogue, str(file))
    said = {"file": str(file), "kind": kind.value, "usable": True}
    print_json(said) if as_json else print(f"{file}: a usable {kind} statement")


@app.command("draft-access")
def draft_access(
    rules: Annotated[Path, inputs.file_argument("The access.yml so far.")],
    *,
    out: Annotated[Path, inputs.new_file_option("The new access.yml, for the officers to read, change and sign.")],
    catalogue: CatalogueFile = None,
    as_json: Json = False,
) -> None:
    """Write access rules that open what a bundle's services offer, keeping roles and what narrows a route.

    Nothing that a bundle adds is open before two officers have signed rules that name it.

    Example: appliance site draft-access access.yml --catalogue /media/bundle --out access-2.yml
    """
    import yaml  # keeps `appliance --help` quick

    from appliance.monitor.decide.offer import compare, drafted
    from appliance.monitor.decide.policy import parse_policy

    old, offered = _read(rules, Kind.access), required_catalogue(catalogue)
    difference = compare(parse_policy(old, str(rules)), offered)
    draft = drafted(old, offered)
    parse_policy(draft, str(out))
    out.write_text(yaml.safe_dump(draft, sort_keys=False))
    if as_json:
        print_json({"file": str(out), "version": draft["version"]} | difference.model_dump())
        return
    for line in difference.lines():
        print(line)
    print(f"{out}: version {draft['version']}; read it, give roles their actions, and have two officers sign it")


@app.command()
def sign(
    file: Annotated[Path, inputs.file_argument("The statement to sign, as YAML.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What it states.")],
    key: Annotated[list[Path], inputs.file_option("An officer's key file; repeat, or sign one after the other.")],
    out: Annotated[Path, inputs.new_folder_option("The site's folder; receives <kind>.dsse.json.")],
    officers: Annotated[
        Path | None, inputs.file_option("The officers.json; checked to list the keys, and copied to the folder.")
    ] = None,
    catalogue: CatalogueFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign a statement; a second officer adds a signature to the same statement later.

    Example: appliance site sign subjects.yml --kind subjects --key olga.pem --out site --officers officers.json
    """
    from appliance.trust import canonical, dsse  # keeps `appliance --help` quick
    from appliance.trust.officers import load_officers, payload_digest, payload_type

    value = _read(file, kind)
    _check_services(value, kind, catalogue, str(file))
    keys = [open_officer_key(path, passphrase_file) for path in key]
    listed = load_officers(officers) if officers else None
    for opened in keys:
        if listed and opened.public not in listed.officers.values():
            raise ApplianceError(
                f"{opened.name} is not among the officers in {officers}",
                rule="a site's statements count when two of its officers signed them",
                remedy="sign with an officer's key, or list the officers again: appliance site officers",
            )
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{kind}.dsse.json"
    envelope = _begun(target, payload_type(kind), value, listed)
    for opened in keys if envelope else ():
        envelope = dsse.add_signature(envelope, opened, str(target))
    envelope = envelope or dsse.sign(value, payload_type(kind), keys)
    target.write_bytes(envelope)
    if officers:
        (out / "officers.json").write_bytes(officers.read_bytes())
    count = len(canonical.decode(envelope, str(target))["signatures"])
    payload = payload_digest(value)
    if as_json:
        print_json({"file": str(target), "signatures": count, "payload": payload})
    else:
        print(f"{target}: signed by {', '.join(k.name for k in keys)}; {count} of 2 signatures")
        print(f"payload {payload}: the next version names it as its predecessor")


@app.command()
def apply(
    folder: Annotated[
        Path, inputs.folder_argument("The site folder with its newly signed statements.", check=contents.is_site)
    ],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put newly signed subjects and access rules in force, without a restart.

    A revoked certificate is refused from the next request on. What does not hold is refused and recorded, and the old
    statements stay in force. A change of enclaves needs `appliance host install`.

    Example: appliance site apply /media/site
    """
    from appliance.enclave.paths import HostPaths  # keeps `appliance --help` quick
    from appliance.monitor.serve.succession import ask

    answer = ask(HostPaths(root.resolve(), run), folder.resolve(), dry_run=dry_run)
    if as_json:
        print_json(answer)
        return
    versions = ", ".join(f"{kind} version {number}" for kind, number in answer["versions"].items())
    changed = " and ".join(answer["changed"]) or "nothing"
    print(f"{'would change' if dry_run else 'changed'} {changed}; {versions}")


@app.command()
def officers(
    out: Annotated[Path, inputs.new_file_argument("The new officers.json.")],
    *,
    officer: Annotated[
        list[Path], inputs.file_option("<name>.pub of an officer, from `appliance keys new`; at least two.")
    ],
    ca: Annotated[Path, inputs.file_option("The site authority's certificate, ca.pem.")],
    demo: Annotated[bool, typer.Option("--demo", help="Mark the list as a demonstration's.")] = False,
    as_json: Json = False,
) -> None:
    """List the officers who made their keys apart, or after one changed; prints the line for the paper.

    Example: appliance site officers officers.json --officer olga.pub --officer nora.pub --ca keys/ca/ca.pem
    """
    from appliance.trust.certificates import read_certificate
    from appliance.trust.fingerprint import fingerprint
    from appliance.trust.officers import list_officers

    data = list_officers(officer, read_certificate(ca), demo=demo).encode()
    out.write_bytes(data)
    if as_json:
        print_json({"file": str(out), "fingerprint": fingerprint(data)})
    else:
        print(f"{out}: {len(officer)} officers; for the paper, SHA-256:\n  {fingerprint(data)}")


@app.command("issue-certificates")
def issue_certificates(
    file: Annotated[Path, inputs.file_argument("The site's YAML file.")],
    *,
    ca: Authority,
    out: Annotated[Path, inputs.new_folder_option("The site's folder; receives certificates/.")],
    catalogue: CatalogueFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Issue the certificates of each enclave's gateway and of the services that call through it.

    Example: appliance site issue-certificates site.yml --ca keys/ca --out site
    """
    from appliance.trust.certificates import issue_client, issue_server, load_authority

    value = _read(file, Kind.site)
    offered = required_catalogue(catalogue)
    _check_services(value, Kind.site, catalogue, str(file))
    authority = load_authority(ca, read_passphrase(passphrase_file) if passphrase_file else None)
    folder = out / "certificates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.pem").write_bytes(authority.pem)
    written = []
    for enclave in value["enclaves"]:
        name = enclave["name"]
        gateway = issue_server(authority, enclave["hostname"], enclave=name, addresses=(str(enclave["address"]),))
        gateway.write(folder / name, "gateway")
        written.append(f"{name}/gateway")
        for service in filter(lambda name: offered[name].workload, enclave["services"]):
            issue_client(authority, f"service:{service}", organisation=name).write(folder / name, service)
            written.append(f"{name}/{service}")
    if as_json:
        print_json({"folder": str(folder), "certificates": written})
    else:
        print("\n".join([f"{folder}/ca.pem", *(f"{folder}/{name}.pem" for name in written)]))


def _begun(target: Path, payload_type: str, value: Any, listed: "Officers | None") -> bytes:
    """The envelope to which signatures are added, or nothing when a new one has to begin.

    It begins anew when the content is another, or when somebody signed who is no officer any more.
    """
    from appliance.trust import dsse

    data = target.read_bytes() if target.is_file() else b""
    if not data or dsse.payload_of(data, str(target)) != (payload_type, value):
        return b""
    if listed:
        try:
            dsse.verify(data, payload_type, listed.officers, 1, str(target))
        except dsse.SignatureRefusedError:
            return b""
    return data


def _check_services(value: Any, kind: Kind, catalogue: Path | None, where: str) -> None:
    """Compare what a site runs with what a bundle offers, where a catalogue is at hand."""
    from appliance.enclave.site import check_services, parse_site

    offered = chosen_catalogue(catalogue) if kind is Kind.site else None
    if offered:
        check_services(parse_site(value, where), offered, where)


def _read(file: Path, kind: Kind) -> Any:
    """The statement in a YAML file, checked by the part that will load it."""
    value = read_yaml(file)
    validate(kind, value, str(file))
    return value


withdraw.add(app)

FIELDS = {Kind.site: "enclaves", Kind.subjects: "subjects", Kind.access: "routes", Kind.inventory: "sha256"}
"""The field by which people tell what a statement states."""


def require_kind(kind: Kind, value: Any, name: str) -> None:
    """Refuse what is no statement, and a statement of another kind, in words that help more than its first field.

    Raises:
        ApplianceError: says what it is.
    """
    from appliance.trust import canonical

    if not isinstance(value, dict):
        raise ApplianceError(
            f"{name}: is not a statement, but {canonical.described(value)}",
            rule="a statement is a set of fields with values, in YAML",
            remedy="see site.example.yml and docs/officer.md",
        )
    other = next((one for one, field in FIELDS.items() if field in value and FIELDS[kind] not in value), None)
    if other:
        raise ApplianceError(
            f"{name}: states {other}, not {kind}: it has the field {FIELDS[other]}",
            rule="--kind says what a statement states, and the officers' signatures count for that alone",
            remedy=f"name the file of {kind}, or give --kind {other}",
        )


def validate(kind: Kind, value: Any, name: str) -> None:
    """Check a statement by the rules of the part that will load it.

    Raises:
        ApplianceError: names the field and the rule.
    """
    require_kind(kind, value, name)
    if kind is Kind.site:
        from appliance.enclave.site import parse_site

        parse_site(value, name)
    elif kind is Kind.subjects:
        from appliance.monitor.decide.registry import parse_registry

        parse_registry(value, name)
    elif kind is Kind.inventory:
        from appliance.bundle.read.inventory import parse_inventory

        parse_inventory(value, name)
    else:
        from appliance.monitor.decide.policy import parse_policy

        parse_policy(value, name)
