"""What runs is compared with what was admitted: a change behind the appliance's back is found, named, recorded."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance.enclave.paths import HostPaths
from appliance.host.enforce.at_rest import encryption
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.enforce.weights import detect as detect_weights
from demo.instance import Instance, appliance
from tests.integration.podman import podman, recorded


def on_host(site: Instance, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    inside = ["nsenter", f"--net=/run/netns/{site.namespace}", *command]
    return subprocess.run(inside, capture_output=True, text=True, check=check)


def verified(site: Instance) -> tuple[int, dict[str, dict[str, Any]]]:
    where = ("--root", site.root, "--run", site.run)
    answer = appliance(site, "host", "verify", *where, "--json", inside=True, check=False)
    return answer.returncode, {finding["key"]: finding for finding in json.loads(answer.stdout)["findings"]}


def recover(site: Instance) -> None:
    appliance(site, "host", "recover", "--root", site.root, "--run", site.run, inside=True)


def until(check: Callable[[], bool], seconds: float = 90) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(1)
    return False


@pytest.fixture(autouse=True)
def sound_site(site: Instance) -> Iterator[None]:
    yield
    assert verified(site) == (0, {}), "a test left the site changed"


def test_status_names_every_layer_active_or_absent(site: Instance) -> None:
    where = ("--root", site.root, "--run", site.run)
    report = appliance(site, "host", "status", *where, "--json", inside=True)
    states = {layer["name"]: layer["state"] for layer in report["layers"]}
    platform = detect()
    assert states.pop("AppArmor") == ("active" if platform.apparmor else "absent")
    assert states.pop("SELinux") == ("inactive" if platform.selinux else "absent")
    assert states.pop("weights of the disk") == ("active" if detect_weights(site.root).disk_counts else "absent")
    assert states.pop("encryption at rest") == ("active" if encryption(site.root) else "absent")
    assert len(states) >= 12
    assert set(states.values()) == {"active"}, states


def test_without_the_packet_rules_it_alarms_and_recover_puts_them_back(site: Instance) -> None:
    on_host(site, "nft", "insert", "rule", "inet", "appliance", "forward", "accept")
    assert verified(site)[0] == 1, "one rule more is not found"
    on_host(site, "nft", "delete", "table", "inet", "appliance")
    code, findings = verified(site)
    assert code == 1
    assert findings["packet rules, table inet appliance"]["found"] == "absent"

    def alarmed() -> bool:
        status = appliance(site, "host", "status", "--root", site.root, "--run", site.run, inside=True)
        return "DIFFERS    packet rules" in status

    try:
        assert until(alarmed), "the watcher saw nothing"
        assert recorded(site, "packet rules, table inet appliance"), "no alarm in the log"
    finally:
        recover(site)


def test_without_podmans_rules_the_enclaves_stay_apart(site: Instance) -> None:
    saved = on_host(site, "iptables-save").stdout
    for table in ("nat", "filter"):
        on_host(site, "iptables", "-t", table, "--flush")
    try:
        code, findings = verified(site)
        assert code == 1
        assert {key.split()[0] for key in findings} == {"podman's"}
        reach = "import socket; socket.create_connection(('{}', 443), timeout=2)"
        for target in (site.inner_address(2, 2), site.inner_address(2, 130), site.inner_address(3, 130)):
            answer = podman(site, "exec", "unclassified-labeling", "python3", "-c", reach.format(target))
            assert answer.returncode != 0, f"unclassified reached {target}"
    finally:
        inside = ["nsenter", f"--net=/run/netns/{site.namespace}", "iptables-restore"]
        subprocess.run(inside, input=saved, text=True, check=True)


def test_a_gateway_that_cannot_be_reached_is_started_again_by_recover(site: Instance) -> None:
    """A podman that was killed in the middle leaves a running gateway to which nothing leads."""
    for chain in re.findall(r"^:(NETAVARK-DN-\w+)", on_host(site, "iptables-save", "-t", "nat").stdout, re.MULTILINE):
        on_host(site, "iptables", "-t", "nat", "--flush", chain)
    code, findings = verified(site)
    assert code == 1
    assert len([key for key in findings if key.startswith("podman's rules for ")]) == 3
    recover(site)


def test_a_process_of_a_container_in_namespaces_of_its_own_making_is_found(site: Instance) -> None:
    """As if the filter had let one through: root puts such a process into the container's control groups."""
    name = "unclassified-labeling"
    first = podman(site, "inspect", "--format", "{{.State.Pid}}", name).stdout.strip()
    with subprocess.Popen(["unshare", "--user", "--net", "sleep", "600"]) as process:
        try:
            for line in Path(f"/proc/{first}/cgroup").read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                folder = Path("/sys/fs/cgroup", controllers.removeprefix("name=") or "unified", path.lstrip("/"))
                if "libpod" in path and (folder / "cgroup.procs").exists():
                    (folder / "cgroup.procs").write_text(str(process.pid))

            def found() -> bool:
                finding = verified(site)[1].get(f"namespaces of container {name}")
                return finding is not None and "net" in finding["found"]

            assert until(found, 30)
            assert until(lambda: recorded(site, f"namespaces of container {name}"))
        finally:
            process.kill()
    assert until(lambda: verified(site) == (0, {}), 30)


def test_who_enters_a_container_without_podman_is_found(site: Instance) -> None:
    name = "unclassified-labeling"
    first = podman(site, "inspect", "--format", "{{.State.Pid}}", name).stdout.strip()
    entered = ["nsenter", "--target", first, "--pid", "--user", "--ipc", "--uts", "--net", "--mount", "sleep", "600"]
    with subprocess.Popen(entered) as process:
        try:
            assert until(lambda: f"processes of container {name}" in verified(site)[1], 30)
            assert until(lambda: recorded(site, f"processes of container {name}"))
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
    assert until(lambda: verified(site) == (0, {}), 30)


WRONG: list[tuple[str, Callable[[Path], None]]] = [
    ("{root}/enclaves/secret/labeling", lambda path: os.chown(path, 0, 0)),
    ("{root}/enclaves/secret/database", lambda path: path.chmod(0o755)),
    ("{root}/secrets/secret/gateway/gateway.key", lambda path: path.chmod(0o644)),
    ("{run}/secret/record", lambda path: os.chown(path, 1, 1)),
    ("{run}/secret/gateway/gateway.sock", lambda path: path.chmod(0o666)),
    ("{run}/unclassified/postgresql", lambda path: path.chmod(0o777)),
]


def test_volumes_keys_and_sockets_with_wrong_owners(site: Instance) -> None:
    before = {}
    for place, change in WRONG:
        path = Path(place.format(root=site.root, run=site.run))
        before[path] = path.stat()
        change(path)
    try:
        code, findings = verified(site)
        assert (code, set(findings)) == (1, {f"owner of {path}" for path in before})
    finally:
        for path, status in before.items():
            os.chown(path, status.st_uid, status.st_gid)
            path.chmod(status.st_mode & 0o7777)


def test_a_changed_hook_is_found(site: Instance) -> None:
    hook = site.root / "hooks.d" / "admission_hook.py"
    text = hook.read_text()
    hook.write_text(text.replace("return 1", "return 0"))
    try:
        code, findings = verified(site)
        assert (code, list(findings)) == (1, [f"file {hook}"])
    finally:
        hook.write_text(text)


def test_an_admission_that_nobody_signed_is_found(site: Instance) -> None:
    file = site.root / "current" / "admission.json"
    text = file.read_text()
    file.write_text(json.dumps(json.loads(text) | {"stowaway": {}}))
    try:
        code, findings = verified(site)
        assert (code, list(findings)) == (1, ["admission.json: stowaway"])
    finally:
        file.write_text(text)


def test_a_network_without_a_place_in_the_site_is_found(site: Instance) -> None:
    podman(site, "network", "create", "sideways")
    try:
        code, findings = verified(site)
        assert code == 1
        assert findings["network sideways"]["expected"] == "none"
    finally:
        podman(site, "network", "rm", "sideways")


def test_a_container_of_another_store_in_an_enclaves_network_is_stopped_and_recorded(site: Instance) -> None:
    pid = podman(site, "inspect", "--format", "{{.State.Pid}}", "unclassified-labeling").stdout.strip()
    with tempfile.TemporaryDirectory() as other:
        (Path(other) / "rootfs").mkdir()
        store = ["--root", f"{other}/root", "--runroot", f"{other}/run", "--storage-driver", "vfs"]
        store += ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
        programs = [f"--volume=/{name}:/{name}:ro" for name in ("usr", "lib", "lib64")]
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        run = ["run", "--detach", "--network", f"ns:/proc/{pid}/ns/net", *programs, *limits]
        started = on_host(site, "podman", *store, *run, "--rootfs", f"{other}/rootfs", "/usr/bin/sleep", "600")
        try:
            assert "network of unclassified-labeling" in verified(site)[1]
            inspect = ["inspect", "--format", "{{.State.Running}}", started.stdout.strip()]
            stopped = lambda: "false" in on_host(site, "podman", *store, *inspect).stdout  # noqa: E731
            assert until(stopped), "the container still runs"
            assert recorded(site, "reconciler.expelled")
        finally:
            on_host(site, "podman", *store, "rm", "--all", "--force", "--time", "0", check=False)


def test_a_cable_on_an_enclaves_bridge_is_cut(site: Instance) -> None:
    networks = [json.loads(file.read_text()) for file in (site.root / "networks").glob("*.json")]
    bridge = next(n["network_interface"] for n in networks if n["name"] == "secret-inner")
    on_host(site, "ip", "link", "add", "tap-in", "master", bridge, "up", "type", "veth", "peer", "name", "tap-out")
    try:
        assert "network of secret-inner" in verified(site)[1]

        def cut() -> bool:
            return "master" not in json.loads(on_host(site, "ip", "-j", "link", "show", "tap-in").stdout)[0]

        assert until(cut), "the cable is still on the bridge"
    finally:
        on_host(site, "ip", "link", "del", "tap-in")


def known_to_the_runtime_alone(runtime: str, identifier: str, folder: Path) -> None:
    """Have the runtime make a container with that identifier, as where podman is killed in the middle of a start."""
    (folder / "rootfs").mkdir()
    for name in ("bin", "lib", "lib64"):
        (folder / "rootfs" / name).symlink_to(f"usr/{name}")
    subprocess.run([runtime, "spec", "--bundle", str(folder)], check=True)
    config = json.loads((folder / "config.json").read_text())
    config["mounts"] = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
    ]
    config["process"] |= {"terminal": False, "args": ["sleep", "600"]}
    (folder / "config.json").write_text(json.dumps(config))
    nothing = subprocess.DEVNULL
    made = [runtime, "create", "--bundle", str(folder), identifier]
    subprocess.run(made, check=True, stdin=nothing, stdout=nothing, stderr=nothing)


def test_a_container_whose_start_was_cut_off_starts_again(site: Instance, tmp_path: Path) -> None:
    name, runtime = "secret-labeling", detect().runtime
    podman(site, "rm", "--force", "--time", "0", name)
    up = ["up", "--no-start", "--no-build", "--no-deps", "labeling"]
    Podman(HostPaths(site.root, site.run)).compose("secret", up)
    identifier = podman(site, "inspect", "--format", "{{.Id}}", name).stdout.strip()
    known_to_the_runtime_alone(runtime, identifier, tmp_path)
    assert "already exists" in podman(site, "start", name).stderr
    recover(site)
    assert podman(site, "inspect", "--format", "{{.State.Status}}", name).stdout.strip() == "running"
    known = subprocess.run([runtime, "list", "--quiet"], capture_output=True, text=True, check=True).stdout
    assert identifier not in known
