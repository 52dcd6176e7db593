"""What is on an installed host equals what was asked: tables of (what, command, expected, reason)."""

import json

import pytest

from demo.users import MARKINGS
from tests.vagrant.machine import Machine

pytestmark = pytest.mark.timeout(5400)
UNITS = [
    "appliance-monitor.service",
    "appliance.service",
    *(f"appliance-watch@{watch}.timer" for watch in ("storage", "review", "anchor", "calendar")),
]
EXPOSURE = {"appliance-monitor.service": 1.5, "appliance-watch@storage.service": 1.0, "appliance.service": 8.7}
STATE = [
    (
        "packages",
        "dpkg-query -W -f '${db:Status-Status}\\n' podman runc nftables | sort -u",
        "installed",
        "the bundle brought them",
    ),
    ("compilers", "command -v gcc cc make pip podman-compose || true", "", "a site's host has no tools to build with"),
    ("failed units", "systemctl --failed --plain --no-legend", "", "nothing is broken"),
    ("way out", "ip route show default", "", "the host is disconnected"),
    ("resolvers", "grep ^nameserver /etc/resolv.conf || true", "", "a name that is looked up tells somebody"),
    ("AppArmor", "cat /sys/module/apparmor/parameters/enabled", "Y", "Debian's kernel confines by it"),
    ("control groups", "stat -f -c %T /sys/fs/cgroup", "cgroup2fs", "limits are those of version 2"),
    (
        "key of the log",
        "stat -c '%a %U' /var/lib/appliance/secrets/log.key",
        "600 root",
        "who has it can write history",
    ),
    (
        "modules that are never loaded",
        "modprobe -n -v sctp | tail -1",
        "install /bin/false",
        "an unused protocol is surface",
    ),
]


@pytest.mark.parametrize(("command", "expected", "reason"), [row[1:] for row in STATE], ids=[row[0] for row in STATE])
def test_host_is_as_asked(site: Machine, command: str, expected: str, reason: str) -> None:
    assert site.run(command).strip() == expected, reason


@pytest.mark.parametrize("unit", UNITS)
def test_unit_starts_at_boot(site: Machine, unit: str) -> None:
    assert site.host is not None
    assert site.host.service(unit).is_enabled
    assert unit == "appliance.service" or site.host.service(unit).is_running, (
        "only a start of the machine runs that one"
    )


@pytest.mark.parametrize(("unit", "most"), EXPOSURE.items())
def test_unit_is_no_more_exposed_than_it_must_be(site: Machine, unit: str, most: float) -> None:
    overall = site.run(f"systemd-analyze security --no-pager {unit} | tail -1").split(":")[1].split()[0]
    print(f"{unit}: {overall}")
    assert float(overall) <= most


def test_only_ssh_and_the_gateways_listen(site: Machine) -> None:
    listening = set(site.run("ss -Hltn | awk '{print $4}'").split())
    gateways = {f"10.77.5.{last}:443" for last in (11, 12, 13)}
    assert listening == gateways | {"0.0.0.0:22", "[::]:22"}


def test_every_container_carries_its_enclaves_label(site: Machine) -> None:
    containers = json.loads(site.run("appliance host status --json"))["containers"]
    assert len(containers) >= 8
    for container in containers:
        assert container["label"] == MARKINGS[container["enclave"]], container


def test_host_verify_agrees_and_every_control_holds(site: Machine) -> None:
    report = json.loads(site.run("appliance host verify --json"))
    assert report["findings"] == []
    assert len(report["controls"]) > 40
    assert {control["state"] for control in report["controls"]} <= {"holds", "absent"}


def test_watches_run_and_say_nothing_on_a_new_site(site: Machine) -> None:
    for watch in ("storage", "review", "anchor"):
        site.run(f"systemctl start appliance-watch@{watch}.service")
    assert "rule:" not in site.run("journalctl -q -t appliance-watch -b")
