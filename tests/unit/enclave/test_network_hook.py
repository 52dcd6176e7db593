"""Netavark's guard: no mark of the admission hook, no network; no equal label, no network."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.enclave import admission_hook, network_hook

FACTS = {
    "label": "SECRET",
    "addresses": ["10.0.0.2"],
    "subnets": ["10.0.0.0/25"],
    "driver": "bridge",
    "internal": True,
    "names": False,
}

ADMITTED = {"networks": {"secret-inner": FACTS}, "ports": ["10.0.9.1:443:443"]}
PORT = {"host_ip": "10.0.9.1", "host_port": 443, "container_port": 443, "protocol": "tcp", "range": 1}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    userdata = tmp_path / "containers/storage/overlay-containers/c1/userdata"
    userdata.mkdir(parents=True)
    (userdata / "config.json").write_text("{}")
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "networks.json").write_text(json.dumps({"secret-labeling": ADMITTED}))
    return tmp_path


def mark(root: Path) -> Path:
    userdata = root / "containers/storage/overlay-containers/c1/userdata"
    admission_hook.leave_mark(str(userdata), "secret-labeling")
    return userdata


def asked(network: str = "secret-inner", **changes: Any) -> dict[str, Any]:
    info = {
        "labels": {"appliance.classification": "SECRET"},
        "subnets": [{"subnet": "10.0.0.0/25"}],
        "driver": "bridge",
        "internal": True,
        "dns_enabled": False,
    }
    return {
        "container_id": "c1",
        "container_name": "any name",
        "networks": {network: {"static_ips": ["10.0.0.2"]}},
        "network_info": {network: info | changes},
        "port_mappings": [PORT],
    }


def test_an_admitted_container_joins_its_network(root: Path) -> None:
    mark(root)
    assert network_hook.judge(str(root), asked()) == ("secret-labeling", [])


def test_without_the_hook_there_is_no_network(root: Path) -> None:
    _, reasons = network_hook.judge(str(root), asked())
    assert "has not admitted" in reasons[0]


def test_the_mark_of_an_earlier_start_does_not_count(root: Path) -> None:
    config = mark(root) / "config.json"
    config.unlink()
    config.write_text("{}")
    _, reasons = network_hook.judge(str(root), asked())
    assert "started again" in reasons[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"labels": {"appliance.classification": "UNCLASSIFIED"}}, "label"),
        ({"labels": {}}, "label"),
        ({"internal": False}, "internal"),
        ({"dns_enabled": True}, "names"),
        ({"driver": "macvlan"}, "driver"),
        ({"subnets": [{"subnet": "10.0.1.0/25"}]}, "subnets"),
    ],
)
def test_a_network_that_differs_is_refused_and_the_difference_named(
    root: Path, change: dict[str, Any], named: str
) -> None:
    mark(root)
    _, reasons = network_hook.judge(str(root), asked(**change))
    assert len(reasons) == 1
    assert named in reasons[0]


def test_a_network_of_another_enclave_is_refused(root: Path) -> None:
    mark(root)
    _, reasons = network_hook.judge(str(root), asked("unclassified-inner"))
    assert reasons == ["network unclassified-inner (SECRET) is not one of its networks"]


@pytest.mark.parametrize(
    "change", [{"host_ip": ""}, {"host_port": 8443}, {"container_port": 22}, {"protocol": "udp"}, {"range": 9}]
)
def test_another_published_port_is_refused(root: Path, change: dict[str, Any]) -> None:
    mark(root)
    _, reasons = network_hook.judge(str(root), asked() | {"port_mappings": [PORT | change]})
    assert reasons[0].startswith("ports: ")


def test_what_cannot_be_read_is_refused(root: Path) -> None:
    mark(root)
    (root / "current" / "networks.json").write_text("{")
    _, reasons = network_hook.judge(str(root), asked())
    assert "cannot be judged" in reasons[0]
