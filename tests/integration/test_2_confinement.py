"""What the containers of a running site are: (fact, expected, why) for each, read from the kernel and from podman."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from demo.instance import TEST, Instance
from tests.calls import flagged, program, refused
from tests.integration.podman import facts_named, podman, recorded, started_with


@pytest.fixture(scope="module")
def containers(site: Instance) -> list[dict[str, Any]]:
    names = podman(site, "ps", "--format", "{{.Names}}").stdout.split()
    inspected: list[dict[str, Any]] = json.loads(podman(site, "inspect", *names).stdout)
    return inspected


def status_of(container: dict[str, Any]) -> dict[str, str]:
    lines = Path(f"/proc/{container['State']['Pid']}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_each_process_is_confined_by_the_kernel(containers: list[dict[str, Any]]) -> None:
    expected = [
        ("CapEff", "0000000000000000", "no capability, so nothing to abuse"),
        ("CapBnd", "0000000000000000", "nor can one be gained"),
        ("NoNewPrivs", "1", "set-user-id programs give nothing"),
        ("Seccomp", "2", "system calls are filtered"),
    ]
    for container in containers:
        status = status_of(container)
        for key, value, reason in expected:
            assert status[key] == value, (container["Name"], key, reason)
        uid = int(status["Uid"].split()[0])
        assert uid >= 1_000_000, f"{container['Name']} runs as host uid {uid}: every enclave has a range of its own"


def test_every_container_gets_the_answer_of_the_table_to_every_system_call(containers: list[dict[str, Any]]) -> None:
    for name, calls in (("flagged", flagged), ("not in the profile", refused)):
        for container in containers:
            command = ["exec", container["Name"], "perl", "-e", program(list(calls()))]
            answer = podman(TEST, *command)
            assert (answer.returncode, answer.stdout) == (0, "refused\n"), (container["Name"], name, answer.stderr)


def test_uid_ranges_of_two_enclaves_do_not_meet(containers: list[dict[str, Any]]) -> None:
    ranges: dict[int, set[str]] = {}
    for container in containers:
        uid = int(status_of(container)["Uid"].split()[0])
        ranges.setdefault(uid // 65536, set()).add(container["Config"]["Labels"]["appliance.enclave"])
    assert all(len(names) == 1 for names in ranges.values()), ranges


def test_root_is_read_only_and_memory_and_processes_are_limited(containers: list[dict[str, Any]]) -> None:
    for container in containers:
        settings = container["HostConfig"]
        assert settings["ReadonlyRootfs"], container["Name"]
        assert 0 < settings["Memory"] <= 2 << 30
        assert 0 < settings["PidsLimit"] <= 256


def test_no_container_joins_two_enclaves_and_only_gateways_have_an_outer_side(containers: list[dict[str, Any]]) -> None:
    for container in containers:
        enclave = container["Config"]["Labels"]["appliance.enclave"]
        networks = {name for name in (container["NetworkSettings"].get("Networks") or {}) if name != "none"}
        assert networks <= {f"{enclave}-inner", f"{enclave}-outer"}, container["Name"]
        assert (f"{enclave}-outer" in networks) == container["Name"].endswith("-gateway")


def test_networks_answer_no_names_and_services_have_no_way_out(site: Instance) -> None:
    for name in ("unclassified-inner", "unclassified-outer", "secret-inner", "secret-outer"):
        network = json.loads(podman(site, "network", "inspect", name).stdout)[0]
        assert network["dns_enabled"] is False
        assert network["internal"] == name.endswith("-inner")
    code = "import socket; socket.create_connection(('{}', {}), timeout=2)"
    targets = [(site.inner_address(2, 2), 443), (site.inner_address(3, 2), 443), (site.address(10), 22)]
    targets += [(site.address(1), 80), ("192.0.2.1", 80)]
    for target in targets:
        answer = podman(site, "exec", "unclassified-labeling", "python3", "-c", code.format(*target))
        assert answer.returncode != 0, f"unclassified-labeling reached {target}"
    inside = podman(site, "exec", "unclassified-evaluation", "python3", "-c", code.format("gateway.internal", 443))
    assert inside.returncode == 0, inside.stderr
    lookup = podman(
        site,
        "exec",
        "unclassified-labeling",
        "python3",
        "-c",
        "import socket; socket.getaddrinfo('secret-gateway', 443)",
    )
    assert lookup.returncode != 0, "a name of another enclave was resolved"


def test_the_gateway_itself_cannot_reach_out(site: Instance) -> None:
    code = "exec 3<>/dev/tcp/{}/{}"
    for target in ((site.inner_address(2, 130), 443), (site.address(1), 80), ("192.0.2.1", 80)):
        command = ["timeout", "3", "bash", "-c", code.format(*target)]
        assert podman(site, "exec", "unclassified-gateway", *command).returncode != 0, target


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--read-only=false"], "read_only"),
        (["--cap-add", "NET_ADMIN"], "capabilities"),
        (["-v", "/etc:/host:ro"], "mounts"),
        (["--env", "LD_PRELOAD=/tmp/x.so"], "environment"),
        (["--entrypoint", "/bin/sh"], "arguments"),
        (["--pid", "host"], "namespaces"),
        (["--security-opt", "seccomp=unconfined"], "seccomp"),
        (["--user", "0:0"], "user"),
        (["--memory", "64g"], "memory"),
        (["--pids-limit", "-1"], "processes"),
        (["--cpu-shares", "100000"], "processor"),
        (["--group-add", "0"], "user"),
        (["--env", "HOME=/srv"], "environment"),
        (["--tmpfs", "/opt"], "mounts"),
        (["--security-opt", "unmask=ALL"], "masked"),
        (["--add-host", "gateway.internal:192.0.2.1"], "files"),
    ],
)
def test_a_container_that_differs_is_not_admitted_and_the_difference_is_named(
    site: Instance, change: list[str], named: str
) -> None:
    answer = started_with(site, change)
    assert answer.returncode != 0
    assert named in facts_named(answer), answer.stderr


def test_a_container_without_a_place_in_the_generation_is_refused_and_recorded(site: Instance) -> None:
    image = podman(site, "inspect", "--format", "{{.Image}}", "secret-gateway").stdout.strip()
    answer = podman(site, "run", "--rm", "--name", "stowaway", "--network", "none", image, "true")
    assert answer.returncode != 0
    assert "no container of that name" in answer.stderr
    assert recorded(site, "stowaway")


def test_a_container_without_the_hook_gets_no_network(site: Instance, tmp_path: Path) -> None:
    image = podman(site, "inspect", "--format", "{{.Image}}", "secret-gateway").stdout.strip()
    uids = ["--uidmap=0:1000000:65536", "--gidmap=0:1000000:65536"]
    for maps in ([], uids):  # podman asks for the network before the hook without a map, and after it with one
        run = ["run", "--rm", "--name", "unhooked", "--network", "secret-inner", *maps, image, "true"]
        answer = podman(site, "--hooks-dir", str(tmp_path), *run)
        assert answer.returncode != 0
        assert "the admission hook has not admitted it" in answer.stderr, answer.stderr
    assert recorded(site, "unhooked")


@pytest.mark.parametrize(
    "command",
    [
        ["cp", "secret-gateway:/etc/passwd", "."],
        ["exec", "--privileged", "secret-gateway", "true"],
        ["--hooks-dir", "/nowhere", "run", "--rm", "x"],
        ["--runtime", "/bin/true", "ps"],
        ["--network-cmd-path", "/bin/true", "ps"],
        ["volume", "export", "any"],
        ["commit", "secret-database"],
        ["export", "secret-database"],
        ["mount", "secret-database"],
        ["save", "any"],
        ["container", "checkpoint", "secret-gateway"],
        ["network", "connect", "unclassified-inner", "secret-labeling"],
        ["unshare", "ls"],
        ["system", "service"],
        ["--identity", "ps", "exec", "secret-gateway", "true"],
        ["secret", "create", "context", "/etc/hostname"],
        ["top", "secret-gateway", "--", "aux"],
        ["start", "--attach", "secret-gateway"],
        ["create", "--pull=never", "--log-opt", "path=/tmp/x", "x"],
    ],
    ids=" ".join,
)
def test_podmans_side_doors_are_shut_for_the_careless_and_recorded(site: Instance, command: list[str]) -> None:
    answer = podman(site, *command, program="podman")
    assert answer.returncode == 125, answer.stdout
    assert "podman is refused on the store" in answer.stderr
    assert recorded(site, f"podman {' '.join(command)}")


def test_another_store_setting_is_refused_and_other_stores_are_not(site: Instance) -> None:
    store = ["--root", str(site.root / "containers" / "storage"), "--runroot", str(site.run / "containers")]
    answer = subprocess.run(["podman", *store, "ps"], capture_output=True, text=True, check=False)
    assert answer.returncode == 125
    assert "CONTAINERS_CONF is not set" in answer.stderr
    with tempfile.TemporaryDirectory() as other:  # podman wants short names of folders
        own = ["--root", f"{other}/root", "--runroot", f"{other}/run", "--storage-driver", "vfs"]
        answer = subprocess.run(["podman", *own, "ps"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("command", ["logs --tail 1 secret-gateway", "inspect secret-gateway", "top secret-gateway"])
def test_what_shows_the_inside_of_a_container_is_recorded(site: Instance, command: str) -> None:
    answer = podman(site, *command.split(), program="podman")
    assert answer.returncode == 0, answer.stderr
    assert recorded(site, f"podman {command}")


def test_exec_is_recorded_before_it_happens(site: Instance) -> None:
    answer = podman(site, "exec", "secret-gateway", "echo", "looked-around", program="podman")
    assert answer.stdout.strip() == "looked-around"
    assert recorded(site, "podman exec secret-gateway echo looked-around")


def test_keys_and_data_are_readable_by_their_one_owner(site: Instance) -> None:
    for file in (site.root / "secrets").rglob("*"):
        status = file.stat()
        if file.is_file():
            assert status.st_mode & 0o077 == 0, file
        if file.is_file() and len(file.relative_to(site.root / "secrets").parts) > 1:
            assert status.st_uid >= 1_000_000, file
    assert os.stat(site.root / "log").st_mode & 0o007 == 0  # noqa: PTH116


def test_logs_and_registries_are_for_root_alone(site: Instance) -> None:
    files = [*site.root.glob("*.log*"), *(site.root / "registries").rglob("*")]
    names = {file.name for file in files}
    assert {"monitor.log", "watcher.log", "subjects.dsse.json"} <= names
    assert [file for file in files if not file.is_symlink() and file.is_file() and file.stat().st_mode & 0o077] == []


def test_no_command_line_or_environment_has_a_key(site: Instance) -> None:
    keys = [file.read_bytes() for file in (site.root / "secrets").rglob("*") if file.is_file()]
    parts = {line for key in keys for line in (key.hex().encode(), *key.splitlines()) if len(line) > 24}
    parts -= {line for line in parts if line.startswith(b"-----")}
    for process in Path("/proc").iterdir():
        for name in ("cmdline", "environ"):
            try:
                shown = (process / name).read_bytes()
            except OSError:
                continue
            assert not [part for part in parts if part in shown], f"{process / name} shows a key"
