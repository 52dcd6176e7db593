"""`appliance spill`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import ROOT, ROOT_IS, RUN, AnyRoot, Json, print_json, print_table
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from rich.table import Table

    from appliance.audit.review.spill import Trace
    from appliance.contract.catalogue import Catalogue

app = Commands("spill")


@app.callback()
def spill() -> None:
    """Find out where a record went that should not have been there."""


@app.command()
def trace(
    names: Annotated[
        list[str],
        inputs.word_argument("RECORD", "Identifier, SHA-256 or receipt of a record; several for one spill."),
    ],
    *,
    worksheet: Annotated[
        Path | None, inputs.new_file_option("Write the worksheet of NIST SP 800-53 IR-9 too, .html or .md.")
    ] = None,
    catalogue: Annotated[
        Path | None,
        inputs.word_option("BUNDLE", "A bundle's folder, or its exported catalogue of services [the installed one]."),
    ] = None,
    officer: Annotated[str, inputs.word_option("NAME", "Who traces; recorded before anything is shown.")] = "root",
    root: AnyRoot = ROOT,
    as_json: Json = False,
) -> None:
    """Name every subject, container, volume, answer, copy, export and backup that a record touched, by the log.

    The whole log is read. What the log does not know is not found: what a person copied from a screen, and what root
    did.

    Example: appliance spill trace 3f0c9d0e-5a57-4c6e-9a55-d2b1c76a1f10 --worksheet spill.html --officer isso
    """
    from appliance.audit.review import spill as spills  # keeps `appliance --help` quick
    from appliance.audit.review import worksheet as sheets
    from appliance.cli.audit.officers import record
    from appliance.trust.files import replace_file

    log = root / "log"
    contents.is_log(log, ROOT_IS)
    found = spills.trace(log, names, _catalogue(root, catalogue))
    text = ""
    if worksheet is not None:
        now, origin = time.time_ns() // 1_000_000, (log / "checkpoint").read_text().partition("\n")[0]
        text = sheets.worksheet(found, worksheet.suffix, origin=origin, officer=officer, now=now)
    record(root / "spool", found.label.encode(), officer, spills.TRACED, {"names": list(found.starts)})
    if worksheet is not None:
        replace_file(worksheet, text.encode())
    if as_json:
        print_json(found.as_dict())
        return
    print_table(_table(found))
    if worksheet is not None:
        print(f"{worksheet}: worksheet of IR-9")


def _catalogue(root: Path, given: Path | None) -> "Catalogue":
    """The services whose containers a trace can name: those of a bundle, or those installed."""
    from appliance.cli.bundle.catalogue import required_catalogue
    from appliance.enclave.paths import HostPaths, installed_catalogue

    if given:
        return required_catalogue(given)
    try:
        return installed_catalogue(HostPaths(root, RUN))
    except ApplianceError as error:
        raise ApplianceError(
            f"{root}: says of no service what it records, so a trace could not name containers and volumes",
            rule="a trace reads whose an activity is from the catalogue of services",
            remedy="--catalogue with the bundle that ran there, or with its exported catalogue",
        ) from error


def _table(found: "Trace") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from appliance.audit.events.marked import marking_text
    from appliance.audit.review.spill import moment

    title = f"{marking_text(found.label)}: what {', '.join(found.starts)} touched"
    table = Table("what", "name", "enclave", "certainty", "first (UTC)", "last (UTC)", "records", title=title)
    for touch in found.touches:
        table.add_row(
            touch.kind,
            Text(touch.name),
            Text(touch.enclave),
            touch.certainty,
            moment(touch.first),
            moment(touch.last),
            ", ".join(map(str, touch.records[:6])) + (", ..." if len(touch.records) > 6 else ""),
        )
    return table
