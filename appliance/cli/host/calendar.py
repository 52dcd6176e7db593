"""`appliance host calendar`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from appliance.cli.shared.options import ROOT, RUN, Json, Root, Run, print_json, print_table


def calendar(
    days: Annotated[
        int, typer.Option("--days", metavar="DAYS", min=0, max=36500, help="Show what ends within so many days.")
    ] = 400,
    ahead: Annotated[
        int,
        typer.Option(
            "--ahead", metavar="DAYS", min=0, max=36500, help="Judge as of so many days from now, to plan a stay away."
        ),
    ] = 0,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Show what expires or falls due, what ends first at the top, and which command renews it.

    Exit status 1 when something is due, past, or cannot be read.

    Example: appliance host calendar --ahead 30
    """
    from appliance.contract.calendar import State  # keeps `appliance --help` quick
    from appliance.enclave.paths import HostPaths
    from appliance.host.state import calendar as calendars

    moment = datetime.now(UTC) + timedelta(days=ahead)
    found = calendars.read(HostPaths(root.resolve(), run), moment)
    pressing = bool(found.pressing or found.unread)
    if as_json:
        print_json(found.model_dump(mode="json") | {"pressing": pressing})
    else:
        from rich.table import Table

        shown = [one for one in found.entries if one.ends <= moment + timedelta(days=days) or one.state != State.FINE]
        table = Table("state", "ends (UTC)", "what", "renewed by")
        for one in shown:
            table.add_row(one.state.value, f"{one.ends:%Y-%m-%d %H:%M}", f"{one.kind} {one.name}", one.renew)
        print_table(table)
        for what in found.unread:
            print(f"its end is unknown: {what}")
        left = len(found.entries) - len(shown)
        print(f"{len(found.pressing)} of {len(found.entries)} are due or past; {left} end after {days} days")
    if pressing:
        raise typer.Exit(1)
