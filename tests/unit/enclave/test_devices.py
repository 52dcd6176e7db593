"""An accelerator belongs to one enclave: the signed site says whose, and admission looks at the node itself."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.enclave import admission
from appliance.enclave.render import Bound, Images, containers, service_settings
from appliance.enclave.site import Site, check_handed_over, check_services, parse_site
from appliance.errors import ApplianceError
from tests.catalogue import CATALOGUE
from tests.unit.enclave.test_admission import Host
from tests.unit.enclave.test_site import IMAGES, NAMES, PATHS, changed

CUDA = {"variant": "llama.cpp-cuda", "devices": ["/dev/nvidia0", "/dev/nvidiactl"]}
NODE = "/dev/null"
"""A character device that every host has; the rules are about nodes and numbers, not about what they do."""
OWNER = "secret-labeling"
"""A container of the samples; the hook knows no service by its name."""
NUMBER = {"type": "c", "major": 1, "minor": 3}
VARIANTS = Images(
    IMAGES.references | {"inference-cuda": "localhost/appliance/inference-cuda:1"},
    IMAGES.digests | {"inference-cuda": "sha256:" + "2" * 64},
    IMAGES.identifiers | {"inference-cuda": "2" * 64},
    IMAGES.configs | {"inference-cuda": IMAGES.configs["inference"]},
)


def with_engine(**engine: Any) -> dict[str, Any]:
    return changed(engine=engine)


@pytest.fixture
def site() -> Site:
    return parse_site(with_engine(**CUDA))


@pytest.mark.parametrize(
    "device", ["/dev/sda", "/dev/mem", "/dev/nvidia0/../sda", "nvidia0", "/dev/nvidia0:/dev/sda", "/dev/kvm", "/dev"]
)
def test_no_other_device_than_an_accelerator_can_be_named(device: str) -> None:
    with pytest.raises(ApplianceError, match=r"enclaves\.1\.engine\.devices"):
        parse_site(with_engine(variant="llama.cpp-cuda", devices=[device]))


def test_two_enclaves_never_have_the_same_device() -> None:
    data = with_engine(**CUDA)
    data["enclaves"][0]["engine"] = {"variant": "llama.cpp-cuda", "devices": ["/dev/nvidiactl"]}
    with pytest.raises(ApplianceError, match="'unclassified' and 'secret' both have /dev/nvidiactl"):
        parse_site(data)
    with pytest.raises(ApplianceError, match="name each device once"):
        parse_site(with_engine(variant="llama.cpp-cuda", devices=["/dev/nvidia0"] * 2))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"engine": {"variant": "llama.cpp-cuda"}}, r"engine\.devices: llama.cpp-cuda is given no device"),
        ({"engine": {"devices": ["/dev/nvidia0"]}}, r"engine\.devices: llama.cpp-cpu uses no device"),
        ({"engine": CUDA, "services": ["labeling"]}, "'secret' runs no engine"),
    ],
)
def test_devices_and_variant_belong_together(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ApplianceError, match=text):
        check_services(parse_site(changed(**fields)), CATALOGUE)


def test_one_container_of_the_site_has_the_devices(site: Site) -> None:
    check_services(site, CATALOGUE)
    having = {
        container["container_name"]: (container["devices"], container["image"])
        for enclave in site.enclaves
        for container in containers(enclave, CATALOGUE, VARIANTS, PATHS).values()
        if "devices" in container
    }
    image = "localhost/appliance/inference-cuda:1"
    assert having == {"secret-inference": ([f"{device}:{device}:rw" for device in CUDA["devices"]], image)}
    facts = admission.expected(site, CATALOGUE, VARIANTS, PATHS)
    assert {name for name, one in facts.items() if one["devices"]} == {"secret-inference"}


def test_certificates_name_the_image_of_the_variant(site: Site) -> None:
    settings = {
        name: json.loads(
            service_settings(
                site, site.enclave(name), CATALOGUE["inference"], CATALOGUE, VARIANTS, Bound("", "key", {})
            )
        )["settings"]
        for name in ("secret", "unclassified")
    }
    assert settings["secret"]["engine_image"] == VARIANTS.digests["inference-cuda"]
    assert settings["secret"]["variant"] == "llama.cpp-cuda"
    assert settings["unclassified"]["engine_image"] == VARIANTS.digests["inference"]
    assert settings["unclassified"]["variant"] == "llama.cpp-cpu"


def test_a_bundle_without_the_variants_image_is_refused(site: Site) -> None:
    assert "inference-cuda" not in NAMES
    with pytest.raises(ApplianceError, match="no image 'inference-cuda'"):
        containers(site.enclave("secret"), CATALOGUE, IMAGES, PATHS)


def test_a_device_is_handed_over_by_way_of_nobody(site: Site) -> None:
    nobody = parse_site(yaml.safe_load(Path("site.example.yml").read_text()))
    data = yaml.safe_load(Path("site.example.yml").read_text())
    data["enclaves"][0]["engine"] = CUDA
    other = parse_site(data)
    for before, after in ((None, site), (site, site), (nobody, site), (site, nobody), (nobody, other)):
        check_handed_over(before, after)
    with pytest.raises(ApplianceError, match=r"/dev/nvidia0: goes from 'secret' to 'unclassified'"):
        check_handed_over(site, other)


class Given(Host):
    """A host on which the generation gives one container a device."""

    def __init__(self, folder: Path, device: str = NODE) -> None:
        super().__init__(folder)
        file = self.paths.root / "current/admission.json"
        admitted = json.loads(file.read_text())
        admitted[OWNER]["devices"] = [device]
        file.write_text(json.dumps(admitted))

    def with_device(self, name: str, node: dict[str, Any], rule: dict[str, Any]) -> list[str]:
        config = self.config(name)
        config["linux"]["devices"] = [{"path": NODE, "fileMode": 438, "uid": 0, "gid": 0} | NUMBER | node]
        rules = [{"allow": False, "access": "rwm"}, {"allow": True, "access": "rw"} | NUMBER | rule]
        config["linux"].setdefault("resources", {})["devices"] = rules
        return self.reasons(name, config)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return Given(tmp_path_factory.mktemp("devices"))


def test_the_owner_gets_the_very_node(host: Given) -> None:
    assert host.with_device(OWNER, {}, {}) == []


def test_nobody_else_gets_it(host: Given) -> None:
    for name in ("secret-gateway", "system-high-console"):
        assert any(reason.startswith("devices: ") for reason in host.with_device(name, {}, {})), name


@pytest.mark.parametrize(
    ("node", "rule"),
    [
        ({"minor": 5}, {}),
        ({"minor": 5}, {"minor": 5}),
        ({"type": "b"}, {}),
        ({"path": "/dev/other"}, {}),
        ({}, {"minor": 5}),
        ({}, {"access": "rwm"}),
        ({}, {"type": "a"}),
        ({}, {"major": None, "minor": None}),
        ({"more": True}, {}),
    ],
)
def test_another_device_under_its_name_or_a_wider_rule_is_refused(
    host: Given, node: dict[str, Any], rule: dict[str, Any]
) -> None:
    assert any(reason.startswith("devices: ") for reason in host.with_device(OWNER, node, rule))


def test_a_second_device_or_a_missing_one_is_refused(host: Given) -> None:
    config = host.config(OWNER)
    assert any(reason.startswith("devices: ") for reason in host.reasons(OWNER, config))
    both = [{"path": path} | NUMBER for path in (NODE, "/dev/second")]
    config["linux"]["devices"] = both
    config["linux"].setdefault("resources", {})["devices"] = [{"allow": True, "access": "rw"} | NUMBER]
    assert any(reason.startswith("devices: ") for reason in host.reasons(OWNER, config))


@pytest.mark.parametrize("kind", ["file", "link", "absent"])
def test_what_is_no_device_on_the_host_admits_nobody(tmp_path: Path, kind: str) -> None:
    device = tmp_path / "device"
    if kind == "file":
        shutil.copy("/etc/hostname", device)
    elif kind == "link":
        device.symlink_to(NODE)
    (reason,) = Given(tmp_path / "host", str(device)).with_device(OWNER, {}, {})
    assert reason.startswith("cannot be judged")
