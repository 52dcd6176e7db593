"""The commands of `appliance enclave` by which data come in and leave."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import completion, inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    EnclaveName,
    Json,
    OfficerKey,
    PassphraseFile,
    Root,
    Run,
    Statement,
    add_officer,
    print_json,
)

Project = Annotated[
    str,
    inputs.word_option("PROJECT", "Identifier of the labeling project.", autocompletion=completion.projects),
]
Certificate = Annotated[Path, inputs.file_option("The user's certificate.")]
Key = Annotated[Path, inputs.file_option("The user's key.")]


class Form(StrEnum):
    """Forms in which an export is written."""

    jsonl = "jsonl"
    json = "json"


def import_(
    name: EnclaveName,
    file: Annotated[Path, inputs.file_argument("A .jsonl or .json file of tasks, marked inside or by --marking.")],
    *,
    project: Project,
    certificate: Certificate,
    key: Key,
    marking: Annotated[str | None, inputs.marking_option("Marking of the file, where it carries none itself.")] = None,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    r"""Add the tasks of a file to a project, through the gateway and as its user; type and content are checked first.

    Example: appliance enclave import secret tasks.jsonl --project 3f0c... --marking SECRET \
        --certificate me.pem --key me.key
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.exchange import import_file  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    done = import_file(paths, name, file, project, certificate, key, marking)
    print_json(done) if as_json else print(f"{done['marking']}: {len(done['tasks'])} tasks in project {project}")


def export(
    name: EnclaveName,
    *,
    project: Project,
    destination: Annotated[
        str, inputs.word_option("TEXT", "Registered medium or enclave to which it goes (site.yml).")
    ],
    certificate: Certificate,
    key: Key,
    form: Annotated[Form, typer.Option(help="Form of the file; json is Label Studio's.")] = Form.jsonl,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    r"""Fetch the export of a project as its user and hold it on the host until two officers approve its release.

    Example: appliance enclave export secret --project 3f0c... --destination "J2, disc 7" \
        --certificate me.pem --key me.key
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.exchange import HELD, hold  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    asked = hold(paths, name, project, form, destination, certificate, key)
    request = paths.root / HELD / asked.id / "request.json"
    if as_json:
        print_json({"request": str(request)} | asked.model_dump(mode="json"))
        return
    print(f"{asked.marking}\nheld: {asked.file}, SHA-256 {asked.sha256}\nfor two officers to sign: {request}")


def approve(
    request: Annotated[Path, inputs.file_argument("The request.json of a held export.", metavar="REQUEST")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Approve, on your own machine, that one file with this digest goes to this destination; two officers must.

    Example: appliance enclave approve request.json --key isso.pem --out approval.dsse.json
    """
    from appliance.enclave.site import validated  # keeps `appliance --help` quick
    from appliance.host.data.exchange import KIND, MAXIMUM_SIZE, Approval
    from appliance.trust import canonical
    from appliance.trust.files import read_limited
    from appliance.trust.officers import payload_type

    asked = validated(Approval, canonical.decode(read_limited(request, MAXIMUM_SIZE), str(request)), str(request))
    if not as_json:
        print(f"{asked.marking}\n{asked.file} of {asked.enclave}, SHA-256 {asked.sha256}")
        print(f"to {asked.destination} (up to {asked.destination_label})")
        print(f"asked for by {asked.subject}, until {asked.expires:%Y-%m-%d %H:%M} UTC")
    count = add_officer(out, asked.model_dump(mode="json"), payload_type(KIND), key, passphrase_file)
    said = asked.model_dump(mode="json") | {"statement": str(out), "signatures": count}
    print_json(said) if as_json else print(f"{out}: {count} of 2 signatures")


def release(
    approval: Annotated[Path, inputs.file_argument("The approval, signed by two officers.", metavar="APPROVAL")],
    *,
    out: Annotated[Path, inputs.folder_option("Folder on the medium.")],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Write a held export to a medium, once and as approved; recorded before.

    Example: appliance enclave release approval.dsse.json --out /media/disc
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.exchange import release as run_release  # keeps `appliance --help` quick

    file, found = run_release(HostPaths(root.resolve(), run), approval, out)
    if as_json:
        print_json({"written": str(file)} | found.model_dump(mode="json"))
        return
    print(f"{found.marking}\n{file}: SHA-256 {found.sha256}, to {found.destination}")
