"""The network namespace that a site lives in: wherever its watcher looks.

Packet rules, bridges and addresses belong to one network namespace. A site may live in one that is not the caller's; a
command that looks at the caller's would report everything as absent, and one that changes it would make a second half
of a site beside the first.
"""

import contextlib
import ctypes
import os
from pathlib import Path

import psutil

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.state.monitor_process import has_unit, monitor_process
from appliance.host.watching.watcher import watcher_process

OWN = Path("/proc/self/ns/net")
CLONE_NEWNET = 0x40000000
"""What kind of namespace ``setns`` (2) is to enter."""


def of_site(paths: HostPaths) -> Path | None:
    """The namespace of the watcher; where it is stopped of the monitor, or of what holds a container; else None.

    A monitor that systemd runs has an empty network of its own (``PrivateNetwork=yes``), and tells nothing.
    """
    found = watcher_process(paths) or (None if has_unit(paths) else monitor_process(paths)) or _holder(paths)
    return Path(f"/proc/{found.pid}/ns/net") if found else None


def _holder(paths: HostPaths) -> psutil.Process | None:
    """A process of podman that holds one of the site's running containers: conmon (8)."""
    for file in paths.run.glob("containers/overlay-containers/*/userdata/conmon.pid"):
        with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
            process = psutil.Process(int(file.read_text()))
            if process.name() == "conmon":
                return process
    return None


def enter(paths: HostPaths) -> bool:
    """Bring this process, and what it starts from now on, into the network namespace of the site.

    Args:
        paths: where the appliance lives.

    Returns:
        Whether it was in another one before.

    Raises:
        ApplianceError: the kernel does not let it in.
    """
    theirs = of_site(paths)
    try:
        if theirs is None or os.path.samestat(theirs.stat(), OWN.stat()):
            return False
        _set(theirs)
    except OSError as error:
        raise ApplianceError(
            f"the site's network namespace, {theirs}, cannot be entered: {error.strerror}",
            rule="packet rules, bridges and addresses of a site are in the network namespace of its watcher",
            remedy=f"as root: nsenter --net={theirs} appliance ...",
        ) from error
    return True


def _set(namespace: Path) -> None:
    """``setns`` (2), which Python has from 3.12 on."""
    with namespace.open("rb") as file:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(file.fileno(), CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(namespace))
