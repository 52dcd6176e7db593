"""The process that keeps comparing what runs with what was admitted, and alarms."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import structlog

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.audit.events.text import printable
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site
from appliance.errors import ApplianceError
from appliance.host.enforce.difference import HostDifference
from appliance.host.enforce.podman import Podman
from appliance.host.state import calendar
from appliance.host.state.ending import wait_until_ended
from appliance.host.state.monitor_process import own_log
from appliance.host.watching.reconciler import Look, look
from appliance.host.watching.service_log import roll
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.files import replace_file

SECONDS = 10.0
CALENDAR_SECONDS = 3600.0
STOP_SECONDS = 15.0
NOTHING = Look(frozenset(), frozenset())
log = structlog.get_logger()


class Watcher:
    """Looks again and again. What it finds twice in a row is an alarm: a start or a new generation in between is not.

    Args:
        paths: where the appliance lives.
    """

    def __init__(self, paths: HostPaths) -> None:
        self._paths = paths
        self._podman = Podman(paths)
        self._before = NOTHING
        self._alarmed: frozenset[HostDifference] = frozenset()
        self._next_calendar = 0.0

    def turn(self) -> None:
        """Look once: expel who is there for the second time, record what is new and what is over."""
        site = installed_statements(self._paths).site
        now = self._look(site)
        for intruder in now.intruders & self._before.intruders:
            if intruder.expel:
                intruder.expel()
                self._record(site, intruder.description, "reconciler.expelled", f"from {intruder.joined}", allowed=True)
        confirmed = now.findings & (self._before.findings | self._alarmed)
        for finding in sorted(confirmed - self._alarmed):
            log.warning("what runs is not what was admitted", finding=str(finding))
            self._record(site, finding.key, "reconciler.differs", str(finding))
        for finding in sorted(self._alarmed - now.findings):
            self._record(site, finding.key, "reconciler.resolved", finding.found, allowed=True)
        self._before, self._alarmed = now, confirmed
        self._publish(confirmed)

    def publish_calendar(self, now: float) -> None:
        """Once an hour, leave what expires where the officers' console reads it.

        Args:
            now: seconds of a clock that only grows.
        """
        if now < self._next_calendar:
            return
        self._next_calendar = now + CALENDAR_SECONDS
        try:
            calendar.publish(self._paths, calendar.read(self._paths))
        except (ApplianceError, OSError) as error:
            log.warning("what expires is not known", problem=str(error))

    def _look(self, site: Site) -> Look:
        try:
            return look(self._paths, self._podman, site)
        except (ApplianceError, OSError, ValueError, KeyError) as error:
            reason = "what cannot be compared is a finding"
            return Look(frozenset({HostDifference("comparison", "complete", f"failed: {error}", reason)}), frozenset())

    def _record(self, site: Site, what: str, rule: str, reason: str, *, allowed: bool = False) -> None:
        scope = Scope(label=site.system_high.marking.label.encode())
        entity = Entity(kind="enforcement", name=printable(what, 200))
        verdict = Verdict(allowed=allowed, rule=rule, reason=printable(reason, 4000))
        event = events.configuration(scope, "host", "verify", entity, verdict)
        spool.record(self._paths.root, event)

    def _publish(self, findings: frozenset[HostDifference]) -> None:
        document = {"time": time.time(), "findings": [finding.as_dict() for finding in sorted(findings)]}
        replace_file(state_file(self._paths), json.dumps(document).encode())


def watch(paths: HostPaths) -> None:
    """Look every ten seconds until SIGTERM, and keep the service logs short."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    (paths.run / "watcher.pid").write_text(str(os.getpid()))
    watcher = Watcher(paths)
    while True:
        watcher.turn()
        watcher.publish_calendar(time.monotonic())
        roll(paths)
        time.sleep(SECONDS)


def state_file(paths: HostPaths) -> Path:
    """Where the last look's findings are."""
    return paths.run / "watcher.json"


def state(paths: HostPaths) -> dict[str, Any]:
    """The watcher's process, when it last looked (seconds since the epoch) and what it found."""
    process = watcher_process(paths)
    document: dict[str, Any] = {"time": None, "findings": []}
    with contextlib.suppress(OSError, ValueError):
        document = json.loads(state_file(paths).read_text())
    return document | {"pid": process.pid if process else None}


def watcher_process(paths: HostPaths) -> psutil.Process | None:
    """The running watcher of this root, or None."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int((paths.run / "watcher.pid").read_text()))
        if "reconcile" in process.cmdline() and str(paths.root) in process.cmdline():
            return process
    return None


def start(paths: HostPaths) -> bool:
    """Start the watcher as a process of its own unless it runs with this software; True when it was started.

    Under systemd it runs in a transient unit, so that it outlives the session and starts again when it fails.
    """
    process = watcher_process(paths)
    if process and process.cmdline()[0] == sys.executable:
        return False
    stop(paths)
    command = [sys.executable, "-m", "appliance.cli.main", "host", "reconcile"]
    command += ["--root", str(paths.root), "--run", str(paths.run)]
    if Path("/run/systemd/system").is_dir():
        unit = f"appliance-watcher-{'-'.join(paths.root.parts[1:])}"
        systemd = ["systemd-run", "--quiet", "--collect", "--unit", unit, "--property", "Restart=always"]
        subprocess.run([*systemd, *command], check=True, capture_output=True)
        return True
    with own_log(paths.root / "watcher.log") as output:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
    return True


def stop(paths: HostPaths) -> None:
    """Stop the watcher, by its process id."""
    if Path("/run/systemd/system").is_dir():
        unit = f"appliance-watcher-{'-'.join(paths.root.parts[1:])}"
        subprocess.run(["systemctl", "stop", unit], capture_output=True, check=False)
    if process := watcher_process(paths):
        process.terminate()
        wait_until_ended(process, STOP_SECONDS)
    (paths.run / "watcher.pid").unlink(missing_ok=True)
