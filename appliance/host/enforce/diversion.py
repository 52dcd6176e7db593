"""Put ``podman_guard.py`` where the command ``podman`` was, once for all appliances of a host, and take it away."""

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.enforce import podman_guard
from appliance.trust.files import replace_file

COMMAND = Path("/usr/bin/podman")
REAL = Path(podman_guard.REAL)
STORES = Path(podman_guard.STORES)
LOCK = Path("/run/appliance-podman.lock")


def program() -> str:
    """The guard's source, which is the command."""
    return (files("appliance.host.enforce") / "podman_guard.py").read_text()


def real_podman() -> str:
    """Podman itself, for the appliance's own use."""
    return str(REAL) if REAL.exists() else "podman"


def registration(paths: HostPaths) -> Path:
    """The file that tells the guard of this appliance's store."""
    return STORES / f"{'-'.join(paths.root.parts[1:])}.json"


def in_force(paths: HostPaths) -> bool:
    """Whether the command asks the guard, and the guard knows this appliance."""
    return COMMAND.exists() and COMMAND.read_bytes() == program().encode() and registration(paths).exists()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _divert(action: str) -> None:
    command = ["dpkg-divert", "--quiet", "--local", "--no-rename", "--divert", str(REAL), action, str(COMMAND)]
    subprocess.run(command, check=True, capture_output=True)


def install(paths: HostPaths) -> bool:
    """Guard the command for this appliance's store; True when something changed.

    There is a ``podman`` at every moment: the program gets its second name first, then the guard replaces the first.
    """
    if in_force(paths):
        return False
    with _locked():
        for folder in (REAL.parent, STORES):
            folder.mkdir(parents=True, exist_ok=True)
        known = json.dumps({"root": str(paths.root), "run": str(paths.run)}) + "\n"
        replace_file(registration(paths), known.encode(), mode=0o644)
        if not REAL.exists():
            _divert("--add")
            os.link(COMMAND, REAL)
        replace_file(COMMAND, program().encode(), mode=0o755)
    return True


def remove(paths: HostPaths) -> None:
    """Forget this appliance's store; with the last one, podman takes its place again. Safe to repeat."""
    with _locked():
        registration(paths).unlink(missing_ok=True)
        known = list(STORES.glob("*.json")) if STORES.is_dir() else []
        for file in known:
            if not Path(json.loads(file.read_text())["root"]).exists():
                file.unlink()
        if any(file.exists() for file in known) or not REAL.exists():
            return
        REAL.rename(COMMAND)
        _divert("--remove")
        for folder in (REAL.parent, STORES, STORES.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()
