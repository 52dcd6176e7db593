"""Withdrawing what was signed: verified, recorded first, then in force from the next request on."""

import json
from pathlib import Path
from typing import Any

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Lineage, Scope
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site
from appliance.monitor.decide.revocations import FOLDER, KIND, read, revoked
from appliance.monitor.in_force.statements import installed_statements
from appliance.service.certificate import REVOKED
from appliance.trust.files import read_limited, replace_file
from appliance.trust.officers import MAXIMUM_SIZE, load_signed

REVOKE = "statement.revoke"


def revoke(paths: HostPaths, statement: Path, *, dry_run: bool = False) -> dict[str, Any]:
    """Put a revocation in force.

    Args:
        paths: where the appliance lives.
        statement: signed by two officers.
        dry_run: verify alone.

    Raises:
        ApplianceError: it does not hold, or is of another site.
    """
    site = installed_statements(paths).site
    officers = paths.registries / "current" / "officers.json"
    found = read(load_signed(statement, officers, KIND), statement.name, site.site)
    target = paths.root / FOLDER / found.file
    said = found.model_dump(mode="json") | {"dry_run": dry_run, "before": target.exists()}
    if dry_run:
        return said
    detail: dict[str, Any] = {"kind": found.kind, "subject": found.subject, "reason": found.reason}
    event = events.activity(
        Scope(label=site.system_high.marking.label.encode()),
        "host",
        REVOKE,
        Lineage(inputs=(f"sha256:{found.payload}",)),
        detail=detail,
    )
    spool.record(paths.root, event)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    replace_file(target, read_limited(statement, MAXIMUM_SIZE))
    tell_engines(paths, site)
    return said


def tell_engines(paths: HostPaths, site: Site) -> None:
    """Write beside the model of each enclave which certificates were revoked; its engine looks at each request."""
    data = json.dumps(sorted(revoked(paths.root / FOLDER, "certificate"))).encode()
    for enclave in site.enclaves:
        folder = paths.volume(enclave.name, "models")
        if folder.is_dir():
            replace_file(folder / REVOKED, data)
            (folder / REVOKED).chmod(0o444)
