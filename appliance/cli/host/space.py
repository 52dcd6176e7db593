"""`appliance host space` and `appliance host free`."""

from enum import StrEnum
from typing import Annotated

import typer

from appliance.cli.shared.options import ROOT, RUN, DryRun, Json, Root, Run, print_json, print_table, size


class What(StrEnum):
    """What can be deleted."""

    copies = "copies"
    failed = "failed"
    bundles = "bundles"
    logs = "logs"


def space(root: Root = ROOT, run: Run = RUN, as_json: Json = False) -> None:
    """Show how full each volume is, what follows from it, and what could be freed; exit 1 when one is 80 % full.

    Example: appliance host space
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change.free import GIVEN_UP, freeable  # keeps `appliance --help` quick
    from appliance.host.enforce.podman import Podman
    from appliance.host.watching import room
    from appliance.monitor.in_force.statements import installed_statements

    paths = HostPaths(root.resolve(), run)
    found = [*room.measure(paths, installed_statements(paths).site), *room.temporary(Podman(paths))]
    can_go = freeable(paths)
    presses = any(one.fill is not room.Fill.GOOD or room.is_read_only(one.path) for one in found)
    if as_json:
        freed = [{"what": one.what.value, "path": str(one.path), "bytes": one.length} for one in can_go]
        print_json({"volumes": [one.as_dict() for one in found], "freeable": freed, "presses": presses})
    else:
        from rich.table import Table

        table = Table("volume", "used", "free", "what follows")
        for one in found:
            follows = "READ-ONLY: nothing is written there" if room.is_read_only(one.path) else one.follows
            table.add_row(f"{one.kind} {one.name}", f"{one.share:.0%}", size(one.free), follows)
        print_table(table)
        for what, given_up in GIVEN_UP.items():
            length = sum(one.length for one in can_go if one.what is what)
            print(f"frees {size(length)}: appliance host free {what.value}; gives up {given_up}")
    if presses:
        raise typer.Exit(1)


def free(
    what: Annotated[What, typer.Argument(metavar="WHAT", help="What to delete.")],
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Delete what the host can do without, recorded first; --dry-run says how much it frees.

    Example: appliance host free copies --dry-run
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change import free as freeing  # keeps `appliance --help` quick

    found = freeing.free(HostPaths(root.resolve(), run), freeing.What(what.value), dry_run=dry_run)
    total = sum(one.length for one in found)
    if as_json:
        print_json({"paths": [str(one.path) for one in found], "bytes": total, "dry_run": dry_run})
        return
    for one in found:
        print(f"  {size(one.length):>9}  {one.path}")
    print(f"{'would free' if dry_run else 'freed'} {size(total)}")
