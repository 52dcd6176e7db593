"""`appliance keys`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from appliance.cli.keys.ceremony import change, finish, new, sign
from appliance.cli.shared import inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import Demo, Json, PassphraseFile, new_passphrase, print_json

PEOPLE = ["person-1", "person-2", "person-3"]
OFFICERS = ["officer-1", "officer-2"]
CERTIFIERS = ["certifier-1"]

app = Commands("keys")


@app.callback()
def keys() -> None:
    """Make and use the keys of people."""


for command in (new, change, sign, finish):
    app.command()(command)


@app.command()
def init(
    folder: Annotated[Path, inputs.new_folder_argument("New folder for the keys.")],
    *,
    person: Annotated[list[str], inputs.word_option("NAME", "Who signs bundles; repeat.")] = PEOPLE,
    threshold: Annotated[int, inputs.word_option("NUMBER", "How many of them must sign.", min=1)] = 2,
    officer: Annotated[list[str], inputs.word_option("NAME", "Security officer of the site; repeat.")] = OFFICERS,
    certifier: Annotated[list[str], inputs.word_option("NAME", "Who certifies evaluated models; repeat.")] = CERTIFIERS,
    demo: Demo = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make the first keys of a supplier and a site, and print what belongs on paper.

    Example: appliance keys init keys --person anna --person bert --officer olga --officer otto --certifier eve
    """
    from appliance.trust.ceremony import initialise  # keeps `appliance --help` quick

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
