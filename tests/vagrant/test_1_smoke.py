"""The shortest proof on a real Debian 12 machine: bare, bootstrapped, installed, used, denied, restarted."""

import json
import time

import pytest

from tests.vagrant import users
from tests.vagrant.capture import Capture
from tests.vagrant.install import install, mount, type_check, whole_after_a_start
from tests.vagrant.machine import Machine

pytestmark = pytest.mark.timeout(5400)
UNITS = ("appliance-monitor.service", "appliance.service")


def test_machine_is_bare_and_has_no_way_out(machine: Machine, capture: Capture) -> None:
    absent = machine.run("for p in podman python3 pip gcc appliance; do command -v $p && echo has $p; done; true")
    assert absent == "", f"a minimal host has none of these: {absent}"
    assert "default" not in machine.run("ip route show table all type unicast")
    assert machine.run("getent hosts debian.org && echo resolved", check=False) == ""
    assert machine.run("systemctl is-system-running --wait", check=False).strip() == "running"
    assert machine.run("stat -f -c %T /sys/fs/cgroup").strip() == "cgroup2fs"
    assert machine.run("cat /sys/module/apparmor/parameters/enabled").strip() == "Y"


def test_wrong_disc_is_refused_before_anything_changes(machine: Machine) -> None:
    packages = machine.run("dpkg-query -W")
    mount(machine, "bundle", "wrong")
    answer = type_check(machine)
    assert "OK" not in answer, answer
    assert machine.run("dpkg-query -W") == packages


def test_right_disc_and_the_papers_lines_lead_to_a_working_site(machine: Machine) -> None:
    said = install(machine)
    assert "/root/bootstrap.sh: OK" in said, said
    assert "installed: generation 1" in said, said
    assert "STOPPED" not in machine.run("appliance host status")


def test_each_service_answers_its_user_once(site: Machine) -> None:
    assert users.label_once()
    users.certify(site, users.evaluate_once())
    assert users.ask_once()["usage"]["completion_tokens"] == 1
    assert '<option value="annotator"' in users.look_at_the_log()


def test_denial_looks_like_absence_and_is_in_the_log(site: Machine) -> None:
    users.be_denied()
    shown = site.run("appliance audit show --decision denied --json")
    assert "annotator" in shown, shown


def test_everything_returns_after_a_restart_monitor_first(site: Machine) -> None:
    site.reboot()
    whole_after_a_start(site)
    monitor, enclaves = (
        int(site.run(f"systemctl show --property=ActiveEnterTimestampMonotonic --value {unit}")) for unit in UNITS
    )
    assert 0 < monitor < enclaves
    assert json.loads(site.run("appliance host verify --json"))["findings"] == []
    users.label_once()
    users.be_denied()
    assert site.run("appliance audit verify --key /var/lib/appliance/log/log.vkey")


def test_no_packet_went_anywhere_outside_the_site(site: Machine, capture: Capture) -> None:
    assert sum(capture.destinations.values()) > 100, "nothing was captured"
    assert capture.outside == {}
    site.run(
        "ip route add 192.0.2.0/24 dev eth1; bash -c 'echo >/dev/udp/192.0.2.1/9'; ip route del 192.0.2.0/24",
        check=False,
    )
    time.sleep(2)
    assert set(capture.outside) == {"192.0.2.1"}, "the capture misses a packet that leads out"
