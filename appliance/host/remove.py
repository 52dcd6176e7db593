"""Take the appliance off a host again: nothing of it keeps running, mounted or in force."""

import shutil
import subprocess
from collections.abc import Callable

from appliance.enclave.render import HostPaths
from appliance.host import configuration, diversion, stack
from appliance.host.network import remove_networks, remove_rules
from appliance.host.podman import Podman


def remove(paths: HostPaths, *, keep_state: bool, progress: Callable[[str], None]) -> None:
    """Stop containers and monitor; remove networks, packet rules, mounts, hooks, sockets and, unless kept, all state.

    Safe to repeat, also on a half-installed host.
    """
    podman = Podman(paths)
    if (paths.root / "etc" / "containers.conf").exists():
        stack.stop(paths, podman, progress)
        progress("removing networks")
        remove_networks(podman)
    else:
        stack.stop_monitor(paths)
    for unit in (stack.UNIT.with_name("appliance.service"), stack.UNIT):
        if unit.exists() and f"--root {paths.root} " in unit.read_text():
            subprocess.run(["systemctl", "disable", "--now", unit.name], capture_output=True, check=False)
            unit.unlink()
    remove_rules()
    diversion.remove(paths)
    configuration.remove(paths)
    for folder in (paths.root / "containers", paths.run):
        stack.unmount_below(folder)
    shutil.rmtree(paths.run, ignore_errors=True)
    if not keep_state:
        progress(f"deleting {paths.root}")
        shutil.rmtree(paths.root, ignore_errors=True)
