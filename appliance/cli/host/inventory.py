"""`appliance host inventory`."""

from pathlib import Path
from typing import Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import ROOT, RUN, Json, Root, print_json


def inventory(
    out: Annotated[Path, inputs.new_file_argument("The list to sign; with --approved, the file on the medium.")],
    *,
    approved: Annotated[
        Path | None, inputs.file_option("The inventory.dsse.json: the list with two officers' signatures.")
    ] = None,
    root: Root = ROOT,
    as_json: Json = False,
) -> None:
    """List the digests of earlier bundles on this host, so that a builder can leave those files out.

    Two steps: write the list, have two officers sign it, then release it; the release is recorded in the log.

    Example:
        appliance host inventory inventory.json
        appliance site sign inventory.json --kind inventory --key olga.pem --key otto.pem --out signed
        appliance host inventory /media/stick/inventory.dsse.json --approved signed/inventory.dsse.json
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.report.inventory import encode, release, take_inventory  # keeps --help quick
    from appliance.trust.files import replace_file

    paths = HostPaths(root.resolve(), RUN)
    if approved:
        found = release(paths, approved, out)
    else:
        found = take_inventory(paths)
        replace_file(out, encode(found))
    if as_json:
        print_json({"file": str(out), "files": len(found.sha256), "bundles": len(found.bundles)})
    else:
        state = "released" if approved else "now two officers sign it: appliance site sign --kind inventory"
        print(f"{out}: {len(found.sha256)} files of {len(found.bundles)} bundles; {state}")
