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
    add_officer,
    print_json,
    read_yaml,
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
    from appliance.enclave.site import validated  # keeps `appliance --help` quick
    from appliance.host.data.closing import KIND, Closing
    from appliance.trust.officers import payload_type

    value = validated(Closing, read_yaml(file), file.name).model_dump(mode="json")
    count = add_officer(out, value, payload_type(KIND), key, passphrase_file)
    print_json({"file": str(out), "signatures": count}) if as_json else print(f"{out}: {count} of 2 signatures")


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
