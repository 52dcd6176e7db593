"""`appliance audit break-glass`: two officers lend one subject roles or groups for some hours."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml

from appliance.cli.audit_officers import record
from appliance.cli.options import ROOT, RUN, PassphraseFile, Root, add_officer
from appliance.enclave.render import HostPaths
from appliance.errors import ApplianceError

app = typer.Typer(help="Lend one subject roles or groups for some hours; every use is reviewed.", no_args_is_help=True)


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="YAML, as docs/officer.md has it.")],
    key: Annotated[Path, typer.Option(help="The officer's key file.", exists=True)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The statement; a second officer adds to the same file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a statement on the officer's own machine; two officers must.

    Example: appliance audit break-glass sign fire.yml --key isso.pem --out fire.dsse.json
    """
    from appliance.enclave.site import validated  # noqa: PLC0415  # keeps `appliance --help` quick
    from appliance.monitor.break_glass import KIND, BreakGlass  # noqa: PLC0415
    from appliance.trust.officers import payload_type  # noqa: PLC0415

    found = validated(BreakGlass, yaml.safe_load(file.read_text()), file.name)
    value = found.model_dump(mode="json")
    print(f"{out}: {add_officer(out, value, payload_type(KIND), key, passphrase_file)} of 2 signatures")


@app.command()
def start(
    statement: Annotated[Path, typer.Argument(help="The statement, signed by two officers.", exists=True)],
    root: Root = ROOT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
) -> None:
    """Put a statement in force until it ends; recorded first. The monitor takes it from the next request on.

    Example: appliance audit break-glass start fire.dsse.json
    """
    from appliance.monitor.break_glass import FOLDER, KIND, read  # noqa: PLC0415  # as above
    from appliance.monitor.statements import installed_statements  # noqa: PLC0415
    from appliance.trust.files import replace_file  # noqa: PLC0415
    from appliance.trust.officers import load_signed  # noqa: PLC0415

    paths = HostPaths(root, RUN)
    site = installed_statements(paths).site
    found = read(load_signed(statement, root / "registries" / "current" / "officers.json", KIND), statement.name, site)
    target = root / FOLDER / f"{found.id}.dsse.json"
    if found.ends <= datetime.now(UTC):
        raise ApplianceError(f"{statement}: ended {found.ends:%Y-%m-%d %H:%M} UTC", rule="break-glass has a time limit")
    if target.exists():
        raise ApplianceError(f"{found.id} was started before", rule="a statement serves once")
    if not dry_run:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        detail = {"id": found.id, "subject": found.subject, "enclave": found.enclave, "reason": found.reason}
        label = site.system_high.marking.label.encode()
        record(root / "spool", label, "host", "break-glass.start", {**detail, "ends": found.ends.isoformat()})
        replace_file(target, statement.read_bytes())
    print(f"{found.subject} in {found.enclave} until {found.ends:%Y-%m-%d %H:%M} UTC: {found.reason}")
