"""`appliance host carried`."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.options import ROOT, RUN, Bundle, Json, Root, RootFingerprint, Run, print_json, print_table


def carried(
    bundle: Bundle,
    root_fingerprint: RootFingerprint,
    drafts: Annotated[
        Path | None, inputs.new_folder_option("New folder for the drafts of what two officers sign again.")
    ] = None,
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """List what a bundle takes over from the site that is installed, and what is signed or made again; changes nothing.

    Exit status 1 when two officers must sign something first, or something is damaged. Give it before an update.

    Example: appliance host carried /media/disc --root-fingerprint 9f3c... --drafts drafts
    """
    import yaml

    from appliance.enclave.paths import HostPaths
    from appliance.host.change import carried as upgrade  # keeps `appliance --help` quick
    from appliance.host.change.offered import Offered
    from appliance.trust.repository.client import read_repository

    offered = Offered(bundle, read_repository(bundle / "metadata", root_fingerprint))
    parts = upgrade.look(HostPaths(root.resolve(), run), offered.catalogue(), offered.major())
    written = []
    for part in parts if drafts else ():
        if part.draft is not None and drafts:
            drafts.mkdir(parents=True, exist_ok=True)
            file = drafts / f"{part.name}.yml"
            file.write_text(yaml.safe_dump(part.draft, sort_keys=False, allow_unicode=True))
            written.append(str(file))
    if as_json:
        print_json({"parts": [part.as_dict() for part in parts], "drafts": written, "blocks": upgrade.blocks(parts)})
    else:
        from rich.table import Table

        table = Table("state", "what", "why")
        for part in parts:
            table.add_row(part.state.value, part.name, part.why)
        print_table(table)
        for name in written:
            print(f"{name}: read it, then two officers sign it: appliance site sign")
    if upgrade.blocks(parts):
        raise typer.Exit(1)
