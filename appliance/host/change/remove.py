"""Take the appliance off a host again: nothing of it keeps running, mounted or in force."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.change import stack
from appliance.host.change.converge import alone
from appliance.host.enforce import configuration, diversion
from appliance.host.enforce.network import remove_networks, remove_rules
from appliance.host.enforce.podman import Podman
from appliance.host.state import volumes
from appliance.host.state.monitor_process import UNIT, stop_monitor


def remove(paths: HostPaths, *, keep_state: bool, progress: Callable[[str], None]) -> None:
    """Stop containers and monitor; remove networks, packet rules, mounts, hooks, sockets and, unless kept, all state.

    Safe to repeat, also on a half-installed host.

    Raises:
        ApplianceError: an installation, recovery or roll-back is under way.
    """
    with alone(paths) if paths.root.exists() else nullcontext():
        _remove(paths, keep_state, progress)


def _remove(paths: HostPaths, keep_state: bool, progress: Callable[[str], None]) -> None:
    podman = Podman(paths)
    if (paths.root / "etc" / "containers.conf").exists():
        stack.stop(paths, podman, progress)
        progress("removing networks")
        remove_networks(podman)
    else:
        stop_monitor(paths)
    _remove_units(paths)
    remove_rules()
    diversion.remove(paths)
    configuration.remove(paths)
    for folder in (paths.root / "containers", paths.run, paths.root / "enclaves", paths.root / volumes.FOLDER):
        stack.unmount_below(folder)
    shutil.rmtree(paths.run, ignore_errors=True)
    if not keep_state:
        progress(f"deleting {paths.root}")
        shutil.rmtree(paths.root, ignore_errors=True)


def _remove_units(paths: HostPaths) -> None:
    """Stop and delete the units of this root; the hardening stays, because it is the host's own."""
    watch = UNIT.with_name("appliance-watch@.service")
    units = [unit for unit in (watch, UNIT.with_name("appliance.service"), UNIT) if _runs(unit, paths)]
    if watch in units:
        units = [*watch.parent.glob("appliance-watch@*.timer"), *units]
    for unit in units:
        subprocess.run(["systemctl", "disable", "--now", unit.name], capture_output=True, check=False)
        unit.unlink()
    if units:
        subprocess.run(["systemctl", "daemon-reload"], capture_output=True, check=False)


def _runs(unit: Path, paths: HostPaths) -> bool:
    return unit.exists() and f"--root {paths.root} " in unit.read_text()
