"""What a running monitor tells its host, once its sockets answer: by which generation, registries and keys."""

import contextlib
import hashlib
import os
import socket
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.trust.files import replace_file

FILE = "monitor.serves"


def expected(paths: HostPaths) -> str:
    """What a monitor announces that starts now."""
    return _text(paths, (paths.root / "current").resolve(), _keys(paths))


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
        self._keys = _keys(paths)
        withdraw(paths)

    def keys_again(self) -> None:
        """The monitor will read its keys again: what it announces is never newer than what it reads."""
        self._keys = _keys(self._paths)

    def make(self) -> None:
        """Announce what is in force now, to the host and to systemd where that waits for it (sd_notify(3))."""
        replace_file(self._paths.run / FILE, _text(self._paths, self._generation, self._keys).encode())
        if address := os.environ.get("NOTIFY_SOCKET"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
                systemd.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)


def _text(paths: HostPaths, generation: Path, keys: str) -> str:
    return f"{generation} {(paths.registries / 'current').resolve()} {keys}"


def _keys(paths: HostPaths) -> str:
    """SHA-256 over the keys of the monitor: it tells which they are, and nothing of them."""
    files = [paths.signing_key, paths.root / "secrets" / "grant.key"]
    files += sorted((paths.root / "secrets").glob("*.admission.key"))
    return hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files if f.exists())).hexdigest()
