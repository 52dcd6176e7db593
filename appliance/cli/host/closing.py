"""`appliance host sign-closing` and `appliance host close-upgrade`."""

from pathlib import Path
from typing import Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    Json,
    OfficerKey,
    PassphraseFile,
    Root,
    Run,
    Statement,
    print_json,
    sign_as_officer,
)


def sign_closing(
    file: Annotated[Path, inputs.file_argument("YAML: site, old, new, reason, expires.")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign, on your own machine, that the clusters of the PostgreSQL before an upgrade are deleted; two officers must.

    Example: appliance host sign-closing closing.yml --key isso.pem --out closing.dsse.json
    """
    from appliance.host.data.closing import KIND, Closing  # keeps `appliance --help` quick

    sign_as_officer(file, Closing, KIND, key, out, passphrase_file, as_json=as_json)


def close_upgrade(
    statement: Annotated[
        Path,
        inputs.file_argument("Of `appliance host sign-closing`, signed by two officers.", metavar="STATEMENT"),
    ],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Delete the clusters that an upgrade of PostgreSQL left for a way back; from then on there is none.

    Example: appliance host close-upgrade closing.dsse.json --dry-run
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.closing import close  # keeps `appliance --help` quick

    done = close(HostPaths(root.resolve(), run), statement, dry_run=dry_run)
    if as_json:
        print_json({"closed": not dry_run} | done.as_dict())
        return
    what = "would delete" if dry_run else "deleted"
    print(f"{what} the clusters of PostgreSQL {done.old} of {', '.join(done.enclaves)}; {done.new} runs")
