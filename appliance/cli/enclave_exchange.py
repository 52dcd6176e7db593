"""The commands of `appliance enclave` by which data come in and leave."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import ROOT, RUN, Json, PassphraseFile, Root, Run, add_officer, print_json
from appliance.enclave.render import HostPaths

Name = Annotated[str, typer.Argument(help="The enclave's name.")]
Project = Annotated[str, typer.Option(help="Identifier of the labeling project.")]
Certificate = Annotated[Path, typer.Option(help="The user's certificate.", exists=True)]
Key = Annotated[Path, typer.Option(help="The user's key.", exists=True)]


def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A .jsonl or .json file of tasks, marked inside or by --marking.")],
    *,
    project: Project,
    certificate: Certificate,
    key: Key,
    marking: Annotated[str | None, typer.Option(help="Of the file, where it carries none itself.")] = None,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    r"""Add the tasks of a file to a project, through the gateway and as its user; type and content are checked first.

    Example: appliance enclave import secret tasks.jsonl --project 3f0c... --marking SECRET \
        --certificate me.pem --key me.key
    """
    from appliance.host.exchange import import_file  # noqa: PLC0415  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    done = import_file(paths, name, file, project, certificate, key, marking)
    print_json(done) if as_json else print(f"{done['marking']}: {len(done['tasks'])} tasks in project {project}")


def export(
    name: Name,
    *,
    project: Project,
    destination: Annotated[str, typer.Option(help="To whom it goes, as the officers are to approve it.")],
    certificate: Certificate,
    key: Key,
    form: Annotated[str, typer.Option(help="jsonl, or json for Label Studio's form.")] = "jsonl",
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    r"""Fetch the export of a project as its user and hold it on the host until two officers approve its release.

    Example: appliance enclave export secret --project 3f0c... --destination "J2, disc 7" \
        --certificate me.pem --key me.key
    """
    from appliance.host.exchange import HELD, hold  # noqa: PLC0415  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    asked = hold(paths, name, project, form, destination, certificate, key)
    request = paths.root / HELD / asked.id / "request.json"
    if as_json:
        print_json({"request": str(request)} | asked.model_dump(mode="json"))
        return
    print(f"{asked.marking}\nheld: {asked.file}, SHA-256 {asked.sha256}\nfor two officers to sign: {request}")


def approve(
    request: Annotated[Path, typer.Argument(help="The request.json of a held export.")],
    *,
    key: Annotated[Path, typer.Option(help="The officer's key file.", exists=True)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The approval; a second officer adds to the same file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Approve, on your own machine, that one file with this digest goes to this destination; two officers must.

    Example: appliance enclave approve request.json --key isso.pem --out approval.dsse.json
    """
    from appliance.enclave.site import validated  # noqa: PLC0415  # keeps `appliance --help` quick
    from appliance.host.exchange import KIND, MAXIMUM_SIZE, Approval  # noqa: PLC0415
    from appliance.trust import canonical  # noqa: PLC0415
    from appliance.trust.files import read_limited  # noqa: PLC0415
    from appliance.trust.officers import payload_type  # noqa: PLC0415

    asked = validated(Approval, canonical.decode(read_limited(request, MAXIMUM_SIZE), str(request)), request.name)
    print(f"{asked.marking}\n{asked.file} of {asked.enclave}, SHA-256 {asked.sha256}")
    print(f"to {asked.destination}, asked for by {asked.subject}, until {asked.expires:%Y-%m-%d %H:%M} UTC")
    count = add_officer(out, asked.model_dump(mode="json"), payload_type(KIND), key, passphrase_file)
    print(f"{out}: {count} of 2 signatures")


def release(
    approval: Annotated[Path, typer.Argument(help="The approval, signed by two officers.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder on the medium.")],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Write a held export to a medium, once and as approved; recorded before.

    Example: appliance enclave release approval.dsse.json --out /media/disc
    """
    from appliance.host.exchange import release as run_release  # noqa: PLC0415  # keeps `appliance --help` quick

    file, found = run_release(HostPaths(root.resolve(), run), approval, out)
    if as_json:
        print_json({"written": str(file)} | found.model_dump(mode="json"))
        return
    print(f"{found.marking}\n{file}: SHA-256 {found.sha256}, to {found.destination}")
