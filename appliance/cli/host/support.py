"""`appliance host support`."""

import time
from pathlib import Path
from typing import Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import ROOT, RUN, Json, Root, Run, print_json


def support(
    out: Annotated[Path, inputs.new_file_argument("New file.")],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Write how this host stands for somebody who helps from outside: versions, states, sizes, checks; no content.

    No name, label, address, record or log line of the site is in it. Read it before it leaves all the same.

    Example: appliance host support support.json
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.report.support import write  # keeps `appliance --help` quick

    made = write(HostPaths(root.resolve(), run), out, time.time())
    print_json(made) if as_json else print(f"{out}: {out.stat().st_size} bytes; read it before it leaves")
