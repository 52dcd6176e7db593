"""`appliance keys`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.keys_ceremony import change, finish, new, sign
from appliance.cli.options import Json, PassphraseFile, new_passphrase, print_json

PEOPLE = ["person-1", "person-2", "person-3"]
OFFICERS = ["officer-1", "officer-2"]
CERTIFIERS = ["certifier-1"]

app = typer.Typer(help="Make and use the keys of people.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Make and use the keys of people."""


for command in (new, change, sign, finish):
    app.command()(command)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="New folder for the keys.")],
    *,
    person: Annotated[list[str], typer.Option(help="Who signs bundles; repeat.")] = PEOPLE,
    threshold: Annotated[int, typer.Option(help="How many of them must sign.")] = 2,
    officer: Annotated[list[str], typer.Option(help="Security officer of the site; repeat.")] = OFFICERS,
    certifier: Annotated[list[str], typer.Option(help="Who certifies evaluated models; repeat.")] = CERTIFIERS,
    demo: Annotated[bool, typer.Option("--demo", help="Keys that protect nothing, marked DEMO everywhere.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make the first keys of a supplier and a site, and print what belongs on paper."""
    from appliance.trust.ceremony import initialise  # noqa: PLC0415  # keeps `appliance --help` quick

    paper = initialise(
        folder,
        people=person,
        threshold=threshold,
        officers=officer,
        certifiers=certifier,
        passphrase=None if demo else new_passphrase(passphrase_file),
    )
    if as_json:
        print_json(asdict(paper))
    else:
        print(paper.text())
        print(f"written: {folder}/paper.txt; give each holder their own file and take it off this machine")
