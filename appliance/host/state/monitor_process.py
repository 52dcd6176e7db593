"""The monitor as a process of the host: started for a generation, found again, stopped; by systemd where it runs."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import psutil

from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.enforce.platform import detect
from appliance.host.state.ending import wait_until_ended
from appliance.host.state.places import prepare_sockets
from appliance.monitor.serve import announcement

STOP_SECONDS = 20.0
LOG_BYTES = 16 << 20
UNIT = Path("/etc/systemd/system/appliance-monitor.service")


def monitor_process(paths: HostPaths) -> psutil.Process | None:
    """The running monitor of this root, or None."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(_unit_process() if has_unit(paths) else int((paths.run / "monitor.pid").read_text()))
        if "monitor" in process.cmdline() and str(paths.root) in process.cmdline():
            return process
    return None


def has_unit(paths: HostPaths) -> bool:
    """Whether systemd runs the monitor of this root."""
    return detect().systemd and UNIT.exists() and f"--root {paths.root} " in UNIT.read_text()


def _unit_process() -> int:
    answer = subprocess.run(
        ["systemctl", "show", "--property=MainPID", "--value", UNIT.name], capture_output=True, text=True, check=False
    )
    return int(answer.stdout)


def start_monitor(paths: HostPaths, site: Site, *, seconds: float = 120) -> bool:
    """Start the monitor, or replace one that was started for another generation or other registries.

    Raises:
        ApplianceError: it did not come up; the text is the end of its own log.
    """
    expected = announcement.expected(paths)
    if monitor_process(paths) and announcement.announced(paths) == expected:
        return False
    stop_monitor(paths)
    announcement.withdraw(paths)
    catalogue = installed_catalogue(paths)
    for enclave in site.enclaves:
        prepare_sockets(paths, enclave, catalogue)
    output = paths.root / "monitor.log"
    alive = _start_unit() if has_unit(paths) else _spawn_monitor(paths, output)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if announcement.announced(paths) == expected:
            return True
        time.sleep(0.1)
    text = output.read_text(errors="replace")[-1500:] if output.exists() else f"journalctl -u {UNIT.name}"
    raise ApplianceError(f"the monitor did not start: {text}", remedy=f"see {output}")


def _start_unit() -> Callable[[], bool]:
    """Have systemd start the monitor; what is returned tells whether it lives."""
    subprocess.run(["systemctl", "restart", UNIT.name], capture_output=True, check=False)
    return lambda: subprocess.run(["systemctl", "is-failed", "--quiet", UNIT.name], check=False).returncode != 0


def _spawn_monitor(paths: HostPaths, output: Path) -> Callable[[], bool]:
    """Start the monitor as a process of its own; what is returned tells whether it lives.

    It does not ask :func:`monitor_process`: for a moment after a start the kernel shows no command line yet.
    """
    program = [sys.executable, "-m", "appliance.cli.main", "monitor", "run"]
    with own_log(output) as file:
        process = subprocess.Popen(
            [*program, "--root", str(paths.root), "--run", str(paths.run)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd="/",
        )
    (paths.run / "monitor.pid").write_text(str(process.pid))
    return lambda: process.poll() is None


def own_log(output: Path) -> BinaryIO:
    """A process's own log, for root alone: it names subjects and paths. A large one becomes the one before."""
    output.touch(0o600)
    output.chmod(0o600)
    if output.stat().st_size > LOG_BYTES:
        output.rename(output.with_suffix(".log.1"))
        output.touch(0o600)
        output.chmod(0o600)  # whatever the umask
    return output.open("ab")


def stop_monitor(paths: HostPaths) -> bool:
    """Stop the monitor, by its process id, and wait until its log is closed; True when it ran.

    Raises:
        ApplianceError: it does not end, even when it is killed.
    """
    process = monitor_process(paths)
    if process is None:
        return False
    if has_unit(paths):
        subprocess.run(["systemctl", "stop", UNIT.name], capture_output=True, check=False)
    else:
        process.send_signal(signal.SIGTERM)
    if not wait_until_ended(process, STOP_SECONDS):
        process.kill()
        if not wait_until_ended(process, STOP_SECONDS):
            raise ApplianceError(
                f"the monitor (process {process.pid}) does not stop, even when it is killed",
                rule="a process that waits for a disk or a device ends only when that answers",
                remedy=f"see /proc/{process.pid}/stack and the kernel's log; repeat the command when it has ended",
            )
    (paths.run / "monitor.pid").unlink(missing_ok=True)
    return True
