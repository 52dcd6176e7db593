"""Start, check and stop what runs: the enclaves of the current generation, and with them the monitor."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from appliance.contract.catalogue import Catalogue
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import MIGRATE, manifests
from appliance.enclave.site import Enclave, Site
from appliance.errors import ApplianceError
from appliance.host.change import major
from appliance.host.enforce.network import apply_rules, create_networks, published, remove_networks
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.state.monitor_process import monitor_process, stop_monitor
from appliance.host.watching import watcher

Progress = Callable[[str], None]
DOWN_SECONDS = 30.0  # longer than podman takes to start a container again
REMOVALS = 3  # tries


def start_enclave(podman: Podman, enclave: Enclave, catalogue: Catalogue, progress: Progress) -> bool:
    """Create the networks of ``enclave`` and converge its containers; True when something changed.

    Order: the database, then each migration to its end, then everything else. Podman's own dependencies are not used,
    because podman 4.3 cannot start a container whose finished dependency was removed.

    Raises:
        ApplianceError: a migration failed; the message is the end of its log.
    """
    changed = create_networks(podman, enclave)
    _remove_half_started(podman, enclave)
    before = _identifiers(podman, enclave)
    progress(f"starting enclave {enclave.name} ({enclave.label})")
    migrate_enclave(podman, enclave, catalogue)
    _up(podman, enclave, ["gateway", *enclave.services])
    if _remove_unreachable(podman, enclave):
        _up(podman, enclave, ["gateway", *enclave.services])
    return changed or _identifiers(podman, enclave) != before


def migrate_enclave(podman: Podman, enclave: Enclave, catalogue: Catalogue) -> None:
    """Run the database of ``enclave``, and each migration to its end.

    Raises:
        ApplianceError: a migration failed; the message is the end of its log.
    """
    users = [service.name for service in manifests(enclave, catalogue) if service.database]
    if users:
        major.start(podman, enclave)
    for service in users:
        _up(podman, enclave, [f"{service}{MIGRATE}"])
        name = f"{enclave.name}-{service}{MIGRATE}"
        if podman.run(["wait", name]).stdout.strip() != "0":
            text = podman.run(["logs", "--tail", "20", name], check=False)
            raise ApplianceError(f"{name} failed: {(text.stdout + text.stderr)[-1500:]}")


def _remove_half_started(podman: Podman, enclave: Enclave) -> None:
    """Remove containers whose start was cut off, with all that it had taken.

    Where podman was killed in a start, the runtime may know a container that podman does not ("container with given ID
    already exists"), and its addresses stay taken. Podman gives those back only when a start fails or what it started
    is removed; so each is started once more first.
    """
    mine = [c for c in podman.containers() if (c.get("Labels") or {}).get("appliance.enclave") == enclave.name]
    half = [c["Id"] for c in mine if c["State"] in ("created", "initialized")]
    for identifier in half:
        subprocess.run([detect().runtime, "delete", "--force", identifier], capture_output=True, check=False)
        podman.run(["start", identifier], check=False)
    if half:
        _remove(podman, half)


def _remove_unreachable(podman: Podman, enclave: Enclave) -> bool:
    """Remove containers that podman calls running without the network they were made with; True when there was one.

    Where podman was killed as it started a container, the watcher that it left (conmon) later cleans up after that
    start, and so takes the network from the container that the next podman has started in its place.
    """
    running = sorted(_identifiers(podman, enclave))
    gateway = f"{enclave.name}-gateway"
    lost = []
    for container in json.loads(podman.run(["inspect", *running]).stdout) if running else []:
        network = container["NetworkSettings"]
        cut_off = network.get("Networks") and not network.get("SandboxKey")
        if cut_off or (container["Name"] == gateway and not published(enclave)):
            lost.append(container["Id"])
    if lost:
        podman.run(["rm", "--force", "--time", "10", *lost], check=False)
    return bool(lost)


def _up(podman: Podman, enclave: Enclave, names: list[str]) -> None:
    podman.compose(enclave.name, [*major.UP, *names])


def _identifiers(podman: Podman, enclave: Enclave) -> set[str]:
    mine = [c for c in podman.containers() if (c.get("Labels") or {}).get("appliance.enclave") == enclave.name]
    return {c["Id"] for c in mine if c["State"] == "running"}


def start(paths: HostPaths, podman: Podman, site: Site, progress: Progress) -> bool:
    """Converge containers, networks and packet rules to the current generation; True when something changed."""
    changed = _remove_strangers(paths, podman, site)
    apply_rules(site)
    catalogue = installed_catalogue(paths)
    for enclave in sorted(site.enclaves, key=lambda e: not e.system_high):
        changed = start_enclave(podman, enclave, catalogue, progress) or changed
    return watcher.start(paths) or changed


def _remove_strangers(paths: HostPaths, podman: Podman, site: Site) -> bool:
    """Remove containers that the current generation does not have, then networks without an enclave."""
    expected = json.loads((paths.root / "current" / "admission.json").read_bytes())
    strangers = [c["Id"] for c in podman.containers() if c["Names"][0] not in expected]
    if strangers:
        _remove(podman, strangers)
    return remove_networks(podman, keep=site.enclaves) or bool(strangers)


def gateway_answers(enclave: Enclave, ca: Path) -> bool:
    """Whether the gateway's anonymous probe answers with the enclave's marking."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    request = f"GET /health HTTP/1.1\r\nHost: {enclave.hostname}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        raw = socket.create_connection((str(enclave.address), 443), timeout=3)
        with raw, context.wrap_socket(raw, server_hostname=enclave.hostname) as tls:
            tls.sendall(request.encode())
            answer = b""
            while chunk := tls.recv(4096):
                answer += chunk
            return b" 200 " in answer[:20] and enclave.label.encode() in answer
    return False


def service_answers(podman: Podman, enclave: Enclave, service: str) -> bool:
    """Whether a service's own health probe answers inside its container."""
    code = (
        "import urllib.request,sys;"
        f"sys.exit(urllib.request.urlopen('http://127.0.0.1:8000/{service}/health',timeout=3).status!=200)"
    )
    return podman.run(["exec", f"{enclave.name}-{service}", "python3", "-c", code], check=False).returncode == 0


def wait_healthy(paths: HostPaths, podman: Podman, site: Site, seconds: float = 600) -> None:
    """Wait until every gateway and every service answers.

    Raises:
        ApplianceError: one does not within ``seconds``, or its container stays down; the message ends with its log.
    """
    deadline = time.monotonic() + seconds
    ca = paths.certificates / "ca.pem"
    for enclave in site.enclaves:
        checks: dict[str, Callable[[], bool]] = {"gateway": lambda e=enclave: gateway_answers(e, ca)}  # type: ignore[misc]
        for service in enclave.services:
            checks[service] = lambda e=enclave, s=service: service_answers(podman, e, s)  # type: ignore[misc]
        for name, check in checks.items():
            down = deadline
            while not check():
                now = time.monotonic()
                down = min(down, now) if not _runs(podman, f"{enclave.name}-{name}") else deadline
                if now > min(deadline, down + DOWN_SECONDS):
                    text = podman.run(["logs", "--tail", "20", f"{enclave.name}-{name}"], check=False)
                    raise ApplianceError(
                        f"{name} of enclave {enclave.name} is not healthy: {(text.stdout + text.stderr)[-1500:]}",
                        remedy="appliance host status; then correct the cause and run appliance host recover",
                    )
                time.sleep(0.5)


def _runs(podman: Podman, container: str) -> bool:
    answer = podman.run(["inspect", "--format", "{{.State.Running}}", container], check=False)
    return answer.stdout.strip() == "true"


def status(paths: HostPaths, podman: Podman) -> dict[str, Any]:
    """What runs now."""
    process = monitor_process(paths)
    containers = [
        {
            "name": c["Names"][0],
            "state": c["State"],
            "label": (c.get("Labels") or {}).get("appliance.classification", ""),
            "enclave": (c.get("Labels") or {}).get("appliance.enclave", ""),
        }
        for c in podman.containers()
    ]
    return {
        "root": str(paths.root),
        "monitor": process.pid if process else None,
        "watcher": watcher.state(paths),
        "containers": sorted(containers, key=lambda c: c["name"]),
        "resident_bytes": resident_bytes(podman, process),
    }


def resident_bytes(podman: Podman, monitor: psutil.Process | None) -> int:
    """Resident memory of the running stack, shared pages counted once a process group (proportional set size)."""
    total = monitor.memory_full_info().pss if monitor else 0
    for container in podman.containers(every=False):
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(container["Pid"])
            total += sum(p.memory_full_info().pss for p in [parent, *parent.children(recursive=True)])
    return int(total)


def stop(paths: HostPaths, podman: Podman, progress: Progress) -> None:
    """Stop every container, then the monitor, so that nothing runs unrecorded."""
    watcher.stop(paths)
    progress("stopping containers")
    stop_containers(podman, seconds=3)
    stop_monitor(paths)


def hold(paths: HostPaths, podman: Podman) -> None:
    """Stop the enclaves for a switch, each service in its own time, and the watcher, whom that would alarm."""
    watcher.stop(paths)
    stop_containers(podman, seconds=30)


def hold_enclave(paths: HostPaths, podman: Podman, enclave: Enclave) -> None:
    """The same with one enclave; the others go on. ``converge`` starts it and the watcher again."""
    watcher.stop(paths)
    stop_containers(podman, seconds=30, enclave=enclave.name)


def _remove(podman: Podman, identifiers: list[str]) -> None:
    """Remove containers; again after a moment while the kernel still holds a mount of one that has just ended.

    Raises:
        ApplianceError: podman refuses each time; the message is its own.
    """
    for attempt in range(REMOVALS):
        last = attempt == REMOVALS - 1
        done = podman.run(["rm", "--force", "--ignore", "--time", "10", *identifiers], check=last)
        if done.returncode == 0:
            return
        time.sleep(1)


def stop_containers(podman: Podman, *, seconds: int, enclave: str | None = None) -> None:
    """Stop and remove all containers, or one enclave's; one that does not end within ``seconds`` is killed."""
    names = [
        container["Id"]
        for container in podman.containers()
        if enclave in (None, (container.get("Labels") or {}).get("appliance.enclave"))
    ]
    namespaces = _network_namespaces(podman, names)
    if names:
        podman.run(["rm", "--force", "--time", str(seconds), "--volumes", *names], check=False)
    for path in namespaces:
        subprocess.run(["umount", "-l", str(path)], capture_output=True, check=False)
        path.unlink(missing_ok=True)


def _network_namespaces(podman: Podman, names: list[str]) -> list[Path]:
    """Where podman mounted the containers' network namespaces; it forgets those of containers that restarted."""
    if not names:
        return []
    answer = podman.run(["inspect", "--format", "{{.NetworkSettings.SandboxKey}}", *names], check=False)
    return [Path(line) for line in answer.stdout.split() if line.startswith("/run/netns/")]


def unmount_below(folder: Path) -> None:
    """Unmount whatever is still mounted below ``folder``, deepest first."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}{os.sep}")), key=len, reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
