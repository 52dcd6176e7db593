"""Tell a builder what this host holds: digests of earlier bundles alone, once officers have approved the list."""

from datetime import UTC, datetime
from pathlib import Path

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.bundle.read.delta import Edition
from appliance.bundle.read.inventory import KIND, Inventory, parse_inventory
from appliance.bundle.repository.carry import hash_target
from appliance.bundle.repository.held import held_bundles
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust import canonical
from appliance.trust.files import read_limited, replace_file
from appliance.trust.fingerprint import fingerprint
from appliance.trust.officers import MAXIMUM_SIZE, load_officers, load_signed
from appliance.trust.repository.client import read_repository
from appliance.trust.repository.metadata import LIMITS


def take_inventory(paths: HostPaths) -> Inventory:
    """List what this host holds of earlier bundles, each file hashed again.

    Raises:
        ApplianceError: no bundle was installed.
    """
    editions: list[Edition] = []
    digests: set[str] = set()
    for folder in held_bundles(paths.root / "bundle"):
        root = fingerprint(read_limited(folder / "metadata" / "1.root.json", LIMITS["root"]))
        repository = read_repository(folder / "metadata", root, now=datetime.fromtimestamp(0, UTC))
        held = {t.sha256 for t in repository.targets.values() if not hash_target(folder / "targets" / t.path, t)}
        editions.append(Edition.of(repository))
        digests |= held
    if not editions:
        raise ApplianceError(f"{paths.root}: holds no bundle", remedy="build a whole bundle for this host")
    return Inventory(bundles=editions, sha256=sorted(digests))


def release(paths: HostPaths, approved: Path, out: Path) -> Inventory:
    """Let an approved inventory leave: verify the officers' signatures, record it, then write it to ``out``.

    Args:
        paths: where the appliance lives on this host.
        approved: ``inventory.dsse.json``, signed by two officers.
        out: the file on the medium.

    Raises:
        ApplianceError: too few or strange signatures, or it lists what this host does not hold; nothing was written.
    """
    statements = installed_statements(paths)
    officers = load_officers(paths.registries / "current" / "officers.json")
    inventory = parse_inventory(load_signed(approved, officers, KIND), str(approved))
    mine = take_inventory(paths)
    if not set(inventory.sha256) <= set(mine.sha256) or not set(inventory.bundles) <= set(mine.bundles):
        raise ApplianceError(
            f"{approved}: lists what this host does not hold",
            rule="an inventory tells of earlier bundles on this host and of nothing else",
            remedy="write it again with appliance host inventory, and have that signed",
        )
    data = read_limited(approved, MAXIMUM_SIZE)
    entity = Entity(kind=KIND, name=f"{len(inventory.sha256)} files", digest=f"sha256:{fingerprint(data)}")
    scope = Scope(label=statements.site.system_high.marking.label.encode())
    event = events.configuration(scope, "host", "release", entity, Verdict(allowed=True, rule="inventory.approved"))
    spool.record(paths.root, event)
    replace_file(out, data)
    return inventory


def encode(inventory: Inventory) -> bytes:
    """The canonical bytes that officers read and sign."""
    return canonical.encode(inventory.model_dump(by_alias=True))
