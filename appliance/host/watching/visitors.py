"""Who is in a container without having been started there, and whether podman's interface is served.

Root can enter a container without podman (``nsenter``, ``runc exec``, another podman program) and can serve podman's
interface to others. Neither asks the guard of the command ``podman``; both are seen here while they last.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.enforce import podman_guard
from appliance.host.enforce.difference import HostDifference
from appliance.host.watching.running import PROC, Running

SHOWN = 200  # characters of a command


def findings(paths: HostPaths, containers: list[Running], proc: Path = PROC) -> list[HostDifference]:
    """Processes that entered a container from outside, and those that serve podman's interface on the store.

    Args:
        paths: where the appliance lives.
        containers: what runs in its store.
        proc: the kernel's view of processes.
    """
    return [*_entered(containers, proc), *_served(paths, proc)]


def _entered(containers: list[Running], proc: Path) -> Iterator[HostDifference]:
    """A process in a container's tree of processes (``pid`` namespace) that does not descend from its first one."""
    first = {}
    for container in containers:
        with contextlib.suppress(OSError):
            first[str((proc / str(container.pid) / "ns" / "pid").readlink())] = container
    parents = dict(_parents(proc))
    for process in sorted(parents):
        try:
            container = first[str((proc / str(process) / "ns" / "pid").readlink())]
            command = _words(proc / str(process) / "cmdline")
        except (OSError, KeyError):  # it ended meanwhile, or is in no container
            continue
        if container.pid not in _line(process, parents):
            found = f"process {process} ({' '.join(command)[:SHOWN]}) that entered it"
            reason = "what enters by podman exec is recorded first; other ways are found here"
            yield HostDifference(f"processes of container {container.name}", "those that it started", found, reason)


def _parents(proc: Path) -> Iterator[tuple[int, int]]:
    for process in proc.iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(process.name), int((process / "stat").read_text().rpartition(")")[2].split()[1])


def _line(process: int, parents: dict[int, int]) -> Iterator[int]:
    """A process and its ancestors; as many at most as there are, because the list was not read at one moment."""
    for _ in range(len(parents) + 1):
        yield process
        if process not in parents:
            return
        process = parents[process]


def _served(paths: HostPaths, proc: Path) -> Iterator[HostDifference]:
    store = {"root": str(paths.root), "run": str(paths.run)}
    for process in sorted(proc.iterdir()):
        if not process.name.isdecimal():
            continue
        try:
            words = _words(process / "cmdline")
            if "service" not in words or "system" not in words:
                continue
            environment = dict(entry.partition("=")[::2] for entry in _words(process / "environ"))
        except OSError:  # it ended meanwhile
            continue
        if podman_guard.store_of(words[1:], environment, [store]):  # type: ignore[no-untyped-call]
            found = f"process {process.name} ({' '.join(words)[:SHOWN]})"
            reason = "who asks it starts and enters containers without the guard of the command podman"
            yield HostDifference("interface of podman", "not served", found, reason)


def _words(file: Path) -> list[str]:
    return [os.fsdecode(word) for word in file.read_bytes().split(b"\0") if word]
