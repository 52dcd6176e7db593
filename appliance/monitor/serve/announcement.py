"""What a running monitor tells its host, once its sockets answer: by which generation and registries it decides."""

import contextlib
import os
import socket
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.trust.files import replace_file

FILE = "monitor.serves"


def expected(paths: HostPaths) -> str:
    """What a monitor announces that starts now."""
    return _text(paths, (paths.root / "current").resolve())


def announced(paths: HostPaths) -> str | None:
    """What the monitor of this host announced last; None before it serves and after its end."""
    with contextlib.suppress(FileNotFoundError):
        return (paths.run / FILE).read_text()
    return None


def withdraw(paths: HostPaths) -> None:
    """Nothing is served."""
    (paths.run / FILE).unlink(missing_ok=True)


class Announcement:
    """The announcement of one monitor; made before it reads anything, so that it never claims more than it serves."""

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self._generation = (paths.root / "current").resolve()
        withdraw(paths)

    def make(self) -> None:
        """Announce what is in force now, to the host and to systemd where that waits for it (sd_notify(3))."""
        replace_file(self._paths.run / FILE, _text(self._paths, self._generation).encode())
        if address := os.environ.get("NOTIFY_SOCKET"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
                systemd.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)


def _text(paths: HostPaths, generation: Path) -> str:
    return f"{generation} {(paths.registries / 'current').resolve()}"
