"""What commands need before they run: to be root, and to be in the network that the site lives in."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError

CHANGES = "it changes mounts, networks, containers and files that belong to root"
LOOKS = "it reads the containers, packet rules and keys of this host, which only root may see"
RECORDS = "it records in the audit log before it does anything, and only root may write there"

ROOT = {
    "host install": CHANGES,
    "host recover": CHANGES,
    "host rollback": CHANGES,
    "host remove": CHANGES,
    "host step": CHANGES,
    "host reconcile": LOOKS,
    "host status": LOOKS,
    "host verify": LOOKS,
    "host support": LOOKS,
    "host watch": LOOKS,
    "host inventory": LOOKS,
    "host calendar": LOOKS,
    "host carried": LOOKS,
    "host backup": LOOKS,
    "host restore": CHANGES,
    "host rotate": CHANGES,
    "host space": LOOKS,
    "host free": CHANGES,
    "host close-upgrade": CHANGES,
    "host decided": RECORDS,
    "enclave backup": CHANGES,
    "enclave restore": CHANGES,
    "enclave verify-backup": LOOKS,
    "enclave prune-backups": RECORDS,
    "enclave undo-restore": CHANGES,
    "enclave erase": CHANGES,
    "enclave import": "it enters the enclave as the site's host does, and reads the site's signed statements",
    "enclave export": "it keeps the export among the host's own files, which only root may write",
    "enclave release": RECORDS,
    "model install": RECORDS,
    "site revoke": RECORDS,
    "site attest-time": RECORDS,
    "site apply": "the monitor takes new statements from root alone",
    "audit break-glass start": RECORDS,
    "audit prompt": LOOKS,
    "bundle rebuild": "it builds images with mounts and chroot",
    "bundle build": "it builds images with mounts and chroot",
    "monitor run": "it opens the log's key and the sockets of all enclaves",
}
"""The commands that only root may run, and why; all others say it when a file of root's is in their way."""

NETWORK = {
    "host install",
    "host recover",
    "host rollback",
    "host remove",
    "host rotate",
    "host status",
    "host verify",
    "host support",
    "enclave backup",
    "enclave restore",
    "enclave undo-restore",
    "enclave erase",
    "enclave import",
    "enclave export",
}
"""The commands that look at the host's network or change it: they do so where the site's watcher is."""


def require_root(command: str) -> None:
    """Refuse a command that only root may run.

    Args:
        command: its words, for example ``host install``.

    Raises:
        ApplianceError: somebody else runs it.
    """
    if command in ROOT and os.geteuid() != 0:
        raise ApplianceError(
            f"`appliance {command}` needs root", rule=ROOT[command], remedy=f"sudo appliance {command} ..."
        )


def enter_network(command: str, parameters: Mapping[str, Any]) -> None:
    """Go into the network namespace of the site's watcher, where a command depends on it and runs elsewhere.

    Args:
        command: its words.
        parameters: its options; ``root`` and ``run`` say which site.

    Raises:
        ApplianceError: that namespace cannot be entered.
    """
    if command in NETWORK:
        from appliance.enclave.paths import HostPaths
        from appliance.host.watching.network_namespace import enter

        paths = HostPaths(parameters["root"].resolve(), parameters["run"])
        require_own_run(paths.root, paths.run)
        enter(paths)


def require_own_run(root: Path, run: Path) -> None:
    """Refuse a --run that is not of the installation in ``root``: there, everything would seem to have stopped.

    Raises:
        ApplianceError: the installation keeps its sockets elsewhere.
    """
    try:
        found = re.search(r'^runroot = "(.*)/containers"$', (root / "etc" / "storage.conf").read_text(), re.MULTILINE)
    except OSError:
        return
    if found and Path(found[1]).absolute() != run.absolute():
        raise ApplianceError(
            f"{run}: is not the folder of sockets of what is installed in {root}",
            rule=f"it was installed with --run {found[1]}",
            remedy=f"give --run {found[1]}, or correct --root",
        )
