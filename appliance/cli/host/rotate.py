"""`appliance host rotate`."""

from enum import StrEnum
from typing import Annotated

import typer

from appliance.cli.shared.options import ROOT, RUN, Json, Root, Run, print_json, progress_printer


class Key(StrEnum):
    """Which key is replaced."""

    contexts = "contexts"
    grants = "grants"
    host = "host"
    log = "log"


def rotate(
    key: Annotated[Key, typer.Argument(metavar="KEY", help="Which key.")],
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Somebody else may have the old key: it ends at once.")
    ] = False,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Replace a key of this host: of contexts and their databases, of job grants, the host's own, or the log's.

    Sessions and streams go on. A new key of grants ends every job. What a compromised host key signed counts no more.
    A new key of the log is a new log: the one before ends and is kept, and people sign in again.

    Example: appliance host rotate contexts
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change import rotate as rotation  # keeps `appliance --help` quick

    paths = HostPaths(root.resolve(), run)
    if key is Key.contexts:
        rotation.contexts(paths, progress_printer(quiet=as_json), compromised=compromised)
    elif key is Key.grants:
        rotation.grants(paths, compromised=compromised)
    elif key is Key.host:
        rotation.host(paths, compromised=compromised)
    else:
        rotation.log(paths, progress_printer(quiet=as_json), compromised=compromised)
    print_json({"key": key.value, "compromised": compromised}) if as_json else print(
        f"{key.value}: a new key is in use"
    )
