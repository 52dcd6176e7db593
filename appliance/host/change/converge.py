"""Bring what runs to the current generation, whatever the state; where it does not answer, to the one before."""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.audit.events.text import printable
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.change import stack
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, generation, volumes
from appliance.host.state.generation import Facts
from appliance.monitor.in_force.statements import installed_statements

Progress = Callable[[str], None]
HOLDER = "APPLIANCE_HOLDER"
"""Names, in the environment of a command's steps, the command that holds the host for them."""
STEPS = ("prepare", "start-monitor", "start-enclaves", "prove")


@contextmanager
def alone(paths: HostPaths) -> Iterator[None]:
    """Hold the host, so that one command at a time changes it; steps that another began are refused from now on.

    Raises:
        ApplianceError: another one is at it.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(paths.root / "lock", fcntl.LOCK_NB), _holder(paths):
            with one_step(paths):  # a step whose command was killed may not have ended yet
                pass
            yield
    except BlockingIOError as error:
        raise ApplianceError(
            "another installation, recovery or roll-back is under way",
            rule=f"one at a time ({paths.root}/lock)",
            remedy="wait for it",
        ) from error


@contextmanager
def exclusive(paths: HostPaths) -> Iterator[None]:
    """Hold the host for a command that takes the volumes as they lie.

    Raises:
        ApplianceError: another command is at it, or one was killed while it moved volumes.
    """
    with alone(paths):
        if copies.is_restoring(paths):
            raise ApplianceError(
                "a restoration was begun and is not finished: volumes may lie in copies/ that belong to the enclaves",
                rule="what was begun is finished first",
                remedy="appliance host recover",
            )
        yield


@contextmanager
def _holder(paths: HostPaths) -> Iterator[None]:
    """Write who holds the host into the lock and, for the steps, into the environment."""
    name = secrets.token_hex(8)
    (paths.root / "lock").write_text(name)
    os.environ[HOLDER] = name
    try:
        yield
    finally:
        del os.environ[HOLDER]


@contextmanager
def one_step(paths: HostPaths) -> Iterator[None]:
    """Hold the host for one step, after waiting for any other.

    Raises:
        ApplianceError: the command that began the step was killed, and another has taken the host since.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    with _locked(paths.root / "step.lock", 0):
        holder = os.environ.get(HOLDER)
        if holder is not None and (paths.root / "lock").read_text() != holder:
            raise ApplianceError(
                "the command that began this step is gone, and another has taken the host since",
                rule=f"one at a time ({paths.root}/lock)",
            )
        yield


@contextmanager
def _locked(file: Path, mode: int) -> Iterator[None]:
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | mode)
        yield
    finally:
        os.close(lock)


def converge(paths: HostPaths, progress: Progress) -> bool:
    """Run the steps of the current generation with its own software; True when something changed.

    Raises:
        ApplianceError: a step failed, or the generation does not become healthy.
    """
    now = generation.required(paths)
    mounted = volumes.mount_all(paths)
    changed = copies.finish_restore(paths, now) or mounted
    for name in STEPS:
        progress(f"  {name}")
        command = [str(paths.software / "bin" / "appliance"), "host", "step", name]
        where = ["--root", str(paths.root), "--run", str(paths.run)]
        result = subprocess.run([*command, *where], env=_own_code(), capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise refusal(result.stderr, name)
        changed = bool(json.loads(result.stdout)["changed"]) or changed
    return changed


def _own_code() -> dict[str, str]:
    """The environment in which a generation's software runs its own code, whatever PYTHONPATH the caller has."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def refusal(text: str, step: str) -> ApplianceError:
    """The error that a step printed."""
    for line in text.splitlines():
        if line.startswith('{"error":'):
            fields = json.loads(line)
            return ApplianceError(fields["error"], rule=fields["rule"], remedy=fields["remedy"])
    return ApplianceError(f"step {step} failed: {text.strip()[-2000:]}")


def recover(paths: HostPaths, progress: Progress) -> bool:
    """Converge to the current generation; where it never was healthy and does not become so, to the one before.

    Raises:
        ApplianceError: nothing is installed; or the host returned, and why.
    """
    now = generation.required(paths)
    for folder in ("generations", "copies"):
        shutil.rmtree(paths.root / folder / ".staging", ignore_errors=True)
    (paths.root / "staged").unlink(missing_ok=True)
    proven = generation.is_healthy(now)
    try:
        return converge(paths, progress)
    except (ApplianceError, OSError) as error:
        back = generation.previous(now)
        if proven or back is None:
            raise
        raise give_back(paths, now, back, error, progress) from error


def give_back(
    paths: HostPaths, failed: Path, back: Path, error: ApplianceError | OSError, progress: Progress
) -> ApplianceError:
    """Leave a generation that did not become healthy; the error says so, and what runs now."""
    reason = getattr(error, "message", str(error))
    progress(f"generation {failed.name} failed; returning to generation {back.name}")
    generation.mark_failed(failed, reason)
    record(paths, "return", back, Verdict(allowed=True, rule="generation.unhealthy", reason=printable(reason, 4000)))
    stack.hold(paths, Podman(paths))
    generation.switch(paths, back, proven=True)
    converge(paths, progress)
    return ApplianceError(
        f"generation {failed.name} was given up and generation {back.name} runs again: {reason}",
        rule="what does not become healthy does not stay (docs/sysadmin/update-and-go-back.md, When an update fails)",
        remedy=f"{paths.root}/generations/{failed.name} is kept for looking; nothing was lost",
    )


def record(paths: HostPaths, operation: str, target: Path, verdict: Verdict) -> None:
    """Record durably, before it happens, that the host goes to generation ``target``."""
    site = installed_statements(paths).site
    entity = Entity(kind="generation", name=f"{target.name}, bundle {Facts.of(target).bundle}")
    scope = Scope(label=site.system_high.marking.label.encode())
    event = events.configuration(scope, "host", operation, entity, verdict)
    spool.record(paths.root, event)
