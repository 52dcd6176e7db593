"""Bad sites are refused with the field's name; good ones render whole."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.contract.certification import standard
from appliance.enclave.paths import HostPaths, installed_catalogue
from appliance.enclave.render import Bound, Images, compose_file, containers, gateway_config, service_settings
from appliance.enclave.site import Site, check_services, load_site, parse_site
from appliance.errors import ApplianceError
from appliance.markings import MarkingError, parse
from appliance.service.settings import ServiceSettings
from tests.catalogue import CATALOGUE

EXAMPLE = Path("site.example.yml")
PATHS = HostPaths(Path("/var/lib/appliance"), Path("/run/appliance"))
NAMES = ("gateway", "database", *(manifest.name for manifest in CATALOGUE))
IMAGES = Images(
    {n: f"localhost/appliance/{n}:1" for n in NAMES},
    dict.fromkeys(NAMES, "sha256:" + "0" * 64),
    dict.fromkeys(NAMES, "1" * 64),
    {n: {"Entrypoint": [f"/usr/bin/{n}"], "Env": ["PATH=/usr/bin", "HOME=/tmp"]} for n in NAMES},
)


def changed(**fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    data["enclaves"][1] |= fields
    return data


@pytest.fixture
def site() -> Site:
    return load_site(EXAMPLE)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"label": "SEKRET"}, "enclaves.1.label"),
        ({"label": "secret"}, "enclaves.1.label"),
        ({"label": ""}, "enclaves.1.label"),
        ({"name": "unclassified"}, "duplicate enclave"),
        ({"label": "UNCLASSIFIED"}, "duplicate enclave"),
        ({"address": "10.77.0.11"}, "duplicate enclave"),
        ({"address": "fd00::12"}, "fd00::12 is an IPv6 address"),
        ({"address": "::1"}, "is an IPv6 address"),
        ({"address": "::ffff:10.77.0.12"}, "is an IPv6 address"),
        ({"address": "0.0.0.0"}, "is no address of one host"),  # noqa: S104
        ({"address": "224.0.0.1"}, "is no address of one host"),
        ({"network": "10.78.1.0/24"}, "overlap"),
        ({"network": "10.78.2.0/16"}, "enclaves.1.network"),
        ({"uids": 1_000_001}, "uid ranges"),
        ({"services": ["labeling", "Mail"]}, "enclaves.1.services"),
        ({"services": []}, "enclaves.1.services"),
        ({"label": "TOP SECRET//NOFORN"}, "does not dominate"),
        ({"colour": "red"}, "enclaves.1.colour"),
    ],
)
def test_a_bad_site_is_refused_and_the_field_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ApplianceError, match=text):
        parse_site(changed(**fields))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"services": ["labeling", "mail"]}, r"enclaves\.1\.services: 'secret' runs 'mail'"),
        ({"services": ["console"]}, "belongs into the system-high enclave alone"),
    ],
)
def test_a_site_runs_what_the_bundle_offers_and_where(fields: dict[str, Any], text: str) -> None:
    check_services(load_site(EXAMPLE), CATALOGUE)
    with pytest.raises(ApplianceError, match=text):
        check_services(parse_site(changed(**fields)), CATALOGUE)


def test_the_system_high_enclave_runs_nothing_else(site: Site) -> None:
    data = yaml.safe_load(EXAMPLE.read_text())
    data["enclaves"][2]["services"] = ["console", "labeling"]
    with pytest.raises(ApplianceError, match="no system-high enclave"):
        check_services(parse_site(data), CATALOGUE)


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("enclaves: [")
    with pytest.raises(ApplianceError, match=r"site\.yml"):
        load_site(tmp_path / "site.yml")


def test_no_container_is_in_two_enclaves_and_none_writes_outside_its_own(site: Site) -> None:
    seen: dict[str, str] = {}
    for enclave in site.enclaves:
        for name, container in containers(enclave, CATALOGUE, IMAGES, PATHS).items():
            assert container["container_name"] not in seen
            seen[container["container_name"]] = enclave.name
            assert set(container.get("networks", {})) <= {f"{enclave.name}-inner", f"{enclave.name}-outer"}
            for volume in container["volumes"]:
                source = volume["source"]
                shared = source == "/var/lib/appliance/log" and enclave.system_high and volume["read_only"]
                assert shared or f"/{enclave.name}/" in f"{source}/", (name, source)


def test_every_container_is_confined(site: Site) -> None:
    for enclave in site.enclaves:
        for name, container in containers(enclave, CATALOGUE, IMAGES, PATHS).items():
            assert container["read_only"], name
            assert container["cap_drop"] == ["ALL"]
            assert "no-new-privileges" in container["security_opt"]
            assert container["x-podman.uidmaps"] == [f"0:{enclave.uids}:65536"]
            assert container["pull_policy"] == "never"
            assert int(container["user"].split(":")[0]) > 1000


def test_only_the_gateway_is_reachable_from_outside(site: Site) -> None:
    for enclave in site.enclaves:
        for name, container in containers(enclave, CATALOGUE, IMAGES, PATHS).items():
            assert ("ports" in container) == (name == "gateway")
            assert (f"{enclave.name}-outer" in container.get("networks", {})) == (name == "gateway")


def test_the_gateway_asks_before_every_service_and_marks_what_leaves(site: Site) -> None:
    for enclave in site.enclaves:
        text = gateway_config(enclave, CATALOGUE)
        assert text.count("auth_request /decide;") == 2 * len(enclave.services) + 1
        assert f'local marking = "{enclave.label}"' in text


def test_compose_files_are_yaml_with_external_networks(site: Site) -> None:
    for enclave in site.enclaves:
        document = yaml.safe_load(compose_file(enclave, CATALOGUE, IMAGES, PATHS, {}))
        assert all(network == {"external": True} for network in document["networks"].values())


def test_the_system_high_enclave_is_the_console_alone(site: Site) -> None:
    assert site.system_high.services == ("console",)
    assert site.enclave("secret").label == "SECRET//REL TO USA, GBR"
    with pytest.raises(ApplianceError, match="no enclave"):
        site.enclave("nowhere")


def test_the_inference_service_is_told_what_its_certificate_must_name(site: Site) -> None:
    bound, enclave = Bound("ab" * 32, "key", {"isso": "a key"}), site.enclave("secret")
    settings = json.loads(service_settings(site, enclave, CATALOGUE["inference"], CATALOGUE, IMAGES, bound))
    assert settings["label"] == "S;;GBR,USA"
    assert settings["settings"]["policy"] == standard().digest
    assert settings["settings"]["officers"] == [{"name": "isso", "public_key": "a key"}]
    assert settings["settings"]["use"] == "exercise", "a DEMO site that declares nothing"
    assert enclave.declared_use(demo=False) == "analysis"
    assert settings["settings"]["engine_image"] == IMAGES.digests["inference"]


def test_a_generation_of_an_earlier_release_is_called_so(tmp_path: Path) -> None:
    paths = HostPaths(tmp_path, tmp_path / "run")
    with pytest.raises(ApplianceError, match="nothing is installed"):
        installed_catalogue(paths)
    (tmp_path / "generations/1").mkdir(parents=True)
    (tmp_path / "current").symlink_to("generations/1")
    with pytest.raises(ApplianceError, match="made by an earlier release"):
        installed_catalogue(paths)
    paths.catalogue.write_bytes(CATALOGUE.encode())
    assert installed_catalogue(paths) == CATALOGUE


def by_profile(profile: object, label: str = "SECRET//REL TO USA, GBR") -> dict[str, Any]:
    data = changed(label=label) | {"markings": {"profile": profile}}
    data["enclaves"][2]["label"] = "TOP SECRET//SI//NOFORN"
    return data


@pytest.mark.parametrize(
    ("profile", "label", "allowed"),
    [
        ("strict", "TOP SECRET//SI", False),  # DoDM 5200.01 V2, 6.c; ISM-ID-00119
        ("ic", "TOP SECRET//SI", True),  # CAPCO 2016 H.4
        ("dod", "TOP SECRET//SI", False),
        ("nato", "TOP SECRET//SI", False),
        ("cui", "TOP SECRET//SI//NOFORN", False),  # 32 CFR 2002: no classified levels
    ],
)
def test_the_labels_of_a_site_are_read_by_the_profile_that_it_names(profile: str, label: str, allowed: bool) -> None:
    data = by_profile(profile, label) | {"demo": True}
    data["enclaves"][2]["label"] = "TOP SECRET//SI/TK//NOFORN"
    if allowed:
        site = parse_site(data)
        assert site.enclaves[1].marking.vocabulary is site.markings.vocabulary
        assert site.enclaves[1].lattice.encode() == "TS;SI;USA"
    else:
        with pytest.raises(ApplianceError, match=r"enclaves\.\d\.label"):
            parse_site(data)


@pytest.mark.parametrize("profile", ["", "IC", "../ic", "none", 7, None, ["ic"], "ic\x00", "strict "])
def test_a_profile_that_does_not_exist_is_refused_by_its_field(profile: object) -> None:
    with pytest.raises(ApplianceError, match=r"markings\.profile"):
        parse_site(by_profile(profile))


def test_a_site_that_names_no_profile_reads_strictly_and_one_site_does_not_change_how_the_next_is_read() -> None:
    assert parse_site(changed()).markings.profile == "strict"
    parse_site(by_profile("ic", "TOP SECRET//SI") | {"markings": {"profile": "ic"}})
    with pytest.raises(ApplianceError, match=r"enclaves\.1\.label"):
        parse_site(by_profile("strict", "TOP SECRET//SI"))


def test_a_service_is_told_the_profile_and_reads_the_enclaves_label_by_it() -> None:
    site = parse_site(by_profile("ic", "TOP SECRET//SI"))
    bound = Bound(policy="0" * 64, log_key="key", officers={})
    text = service_settings(site, site.enclaves[1], CATALOGUE["labeling"], CATALOGUE, IMAGES, bound)
    settings = ServiceSettings.model_validate_json(text)
    assert settings.profile == "ic"
    assert parse(settings.marking, settings.vocabulary).label.encode() == settings.label
    with pytest.raises(MarkingError):
        parse(settings.marking)


def test_a_site_may_tighten_certification_and_nothing_else(site: Site) -> None:
    document = site.model_dump(mode="json")
    policy = standard().model_dump(mode="json")
    policy["tiers"]["T1-administrative"]["bounds"]["security.leak"]["upper"] = 0.02
    tighter = parse_site(document | {"certification": policy}, "site.yml")
    bound, enclave = Bound("ab" * 32, "key", {}), tighter.enclave("secret")
    told = [
        json.loads(service_settings(tighter, enclave, CATALOGUE[name], CATALOGUE, IMAGES, bound))["settings"]
        for name in ("evaluation", "inference")
    ]
    assert told[1]["policy"] == tighter.certification_policy.digest != standard().digest
    assert told[0]["certification"] == policy
    policy["tiers"]["T1-administrative"]["bounds"]["security.leak"]["upper"] = 0.2
    with pytest.raises(ApplianceError, match=r"security\.leak: is looser: a site may only tighten"):
        parse_site(document | {"certification": policy}, "site.yml")
