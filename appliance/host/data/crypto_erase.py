"""Erasing an enclave that the site no longer has: its keys first, then its data, by the word of two officers.

Without keys, what was encrypted to them is gone at once. The volumes are gone at once only where their disk is
encrypted and its key is destroyed; elsewhere their blocks stay readable until they are overwritten, and the report
says so: sanitise the medium then (NIST SP 800-88 Rev. 1).
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import AnyMarkingText, Name, validated
from appliance.errors import ApplianceError
from appliance.host.change import converge
from appliance.host.enforce import at_rest
from appliance.host.enforce.podman import Podman
from appliance.host.state import volumes
from appliance.markings import dominates, parse_by_any
from appliance.monitor.decide.revocations import FOLDER, require_not_revoked
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.officers import load_signed, payload_digest

KIND: Literal["erase"] = "erase"
ERASE = "enclave.erase"


class Erasure(BaseModel):
    """What two officers sign.

    Attributes:
        site: the site.
        enclave: the enclave, which is no longer in ``site.yml``.
        marking: what it was marked with.
        reason: why, for the record.
        expires: when the statement lapses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    enclave: Name
    marking: AnyMarkingText
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
    expires: AwareDatetime


@dataclass(frozen=True)
class Erased:
    """What an erasure destroys.

    Attributes:
        enclave: its name.
        marking: its marking.
        keys: files of keys, overwritten and removed first.
        data: folders with data, removed.
        encrypted: the encryption below the data, or None: then the blocks stay readable until overwritten.
    """

    enclave: str
    marking: str
    keys: tuple[str, ...]
    data: tuple[str, ...]
    encrypted: str | None

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def erase(paths: HostPaths, name: str, statement: Path, *, dry_run: bool = False) -> Erased:
    """Destroy keys, data and cold copies of an enclave; recorded before. Repeating it after a crash finishes it.

    Args:
        paths: where the appliance lives.
        name: of the enclave.
        statement: signed by two officers.
        dry_run: say what would go, change nothing.

    Raises:
        ApplianceError: not signed by two officers, another enclave's, lapsed, the site still has the enclave, its
            containers are there, or nothing of it is left.
    """
    site = installed_statements(paths).site
    value: Mapping[str, Any] = load_signed(statement, paths.registries / "current" / "officers.json", KIND)
    found = validated(Erasure, value, statement.name)
    require_not_revoked(paths.root / FOLDER, KIND, payload_digest(value), str(statement))
    if (found.site, found.enclave) != (site.site, name):
        raise ApplianceError(
            f"{statement}: is for {found.enclave} of the site {found.site}, not for {name} of this one",
            rule="a statement erases the one enclave that two officers signed for",
            remedy="name the statement of this enclave, or have one signed: appliance enclave sign-erasure",
        )
    if found.expires <= datetime.now(UTC):
        raise ApplianceError(f"{statement}: lapsed {found.expires:%Y-%m-%d %H:%M} UTC", remedy="have it signed anew")
    high = site.system_high.marking.label
    if not dominates(high, parse_by_any(found.marking).label):
        raise ApplianceError(f"{statement}: {found.marking} is above this host", remedy="correct its marking")
    with converge.alone(paths):
        _require_gone(paths, name)
        plan = _plan(paths, name, found.marking)
        if dry_run:
            return plan
        detail = {"enclave": name, "marking": plan.marking, "reason": found.reason, "encrypted": plan.encrypted or "no"}
        detail |= {"keys": str(len(plan.keys)), "folders": str(len(plan.data))}
        event = events.activity(Scope(label=high.encode()), "host", ERASE, detail={**detail})
        spool.record(paths.root, event)
        for file in map(Path, plan.keys):
            _shred(file)
        volumes.remove(paths, name)
        for folder in (*map(Path, plan.data), paths.root / "secrets" / name):
            shutil.rmtree(folder, ignore_errors=True)
        os.sync()
    return plan


def _require_gone(paths: HostPaths, name: str) -> None:
    """Refuse while officers still want the enclave, or something of it could run."""
    if name in {enclave.name for enclave in installed_statements(paths).site.enclaves}:
        raise ApplianceError(
            f"the site still has enclave {name}",
            rule="an enclave is erased after two officers took it out of site.yml and the host was installed with that",
            remedy="sign a site.yml without it, appliance host install, then erase",
        )
    mine = [c for c in Podman(paths).containers() if (c.get("Labels") or {}).get("appliance.enclave") == name]
    if mine:
        raise ApplianceError(f"containers of enclave {name} are there", remedy="appliance host recover")


def _plan(paths: HostPaths, name: str, marking: str) -> Erased:
    root = paths.root
    keys = [file for file in (root / "secrets" / name).rglob("*") if file.is_file() and not file.is_symlink()]
    keys += (root / "secrets").glob(f"{name}.*.key")
    folders = [root / "enclaves" / name, *(root / "copies").glob(f"*/{name}")]
    data = [folder for folder in (*folders, volumes.image(paths, name)) if folder.exists()]
    if not keys and not data:
        raise ApplianceError(
            f"nothing of an enclave {name} is left on this host",
            rule="what is erased was there",
            remedy="correct the name; ls /var/lib/appliance/enclaves shows whose data are there",
        )
    encrypted = at_rest.encryption(data[0]) if data else None
    return Erased(name, marking, tuple(sorted(map(str, keys))), tuple(sorted(map(str, data))), encrypted)


def _shred(file: Path) -> None:
    """Overwrite a key before its name goes; what a disk keeps of the old blocks is for the medium's sanitisation."""
    with file.open("r+b") as stream:
        stream.write(os.urandom(file.stat().st_size))
        stream.flush()
        os.fsync(stream.fileno())
    file.unlink()
