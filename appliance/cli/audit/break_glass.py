"""`appliance audit break-glass`: two officers lend one subject roles or groups for some hours."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from appliance.cli.audit.officers import record
from appliance.cli.shared import inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    Json,
    OfficerKey,
    PassphraseFile,
    Root,
    Statement,
    print_json,
    sign_as_officer,
)
from appliance.errors import ApplianceError

app = Commands("break-glass")


@app.command()
def sign(
    file: Annotated[Path, inputs.file_argument("YAML, as docs/officer.md has it.")],
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign a statement on the officer's own machine; two officers must.

    Example: appliance audit break-glass sign fire.yml --key isso.pem --out fire.dsse.json
    """
    from appliance.monitor.decide.break_glass import KIND, BreakGlass  # keeps `appliance --help` quick

    sign_as_officer(file, BreakGlass, KIND, key, out, passphrase_file, as_json=as_json)


@app.command()
def start(
    statement: Annotated[Path, inputs.file_argument("The statement, signed by two officers.", metavar="STATEMENT")],
    root: Root = ROOT,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put a statement in force until it ends; recorded first. The monitor takes it from the next request on.

    Example: appliance audit break-glass start fire.dsse.json
    """
    from appliance.enclave.paths import HostPaths
    from appliance.monitor.decide import revocations
    from appliance.monitor.decide.break_glass import FOLDER, KIND, check_lent, read  # as above
    from appliance.monitor.in_force.statements import installed_statements
    from appliance.trust.files import replace_file
    from appliance.trust.officers import load_signed, payload_digest

    paths = HostPaths(root, RUN)
    statements = installed_statements(paths)
    site = statements.site
    value = load_signed(statement, root / "registries" / "current" / "officers.json", KIND)
    found = read(value, statement.name, site)
    revocations.require_not_revoked(root / revocations.FOLDER, KIND, payload_digest(value), str(statement))
    check_lent(found, site, statements.policy)
    target = root / FOLDER / f"{found.id}.dsse.json"
    if found.ends <= datetime.now(UTC):
        raise ApplianceError(
            f"{statement}: ended {found.ends:%Y-%m-%d %H:%M} UTC",
            rule="break-glass has a time limit",
            remedy="two officers sign a new statement",
        )
    if target.exists():
        raise ApplianceError(
            f"{found.id} was started before", rule="a statement serves once", remedy="two officers sign a new one"
        )
    if not dry_run:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        detail = {"id": found.id, "subject": found.subject, "enclave": found.enclave, "reason": found.reason}
        label = site.system_high.marking.label.encode()
        record(root / "spool", label, "host", "break-glass.start", {**detail, "ends": found.ends.isoformat()})
        replace_file(target, statement.read_bytes())
    if as_json:
        print_json(found.model_dump(mode="json") | {"dry_run": dry_run})
    else:
        print(f"{found.subject} in {found.enclave} until {found.ends:%Y-%m-%d %H:%M} UTC: {found.reason}")
