"""The database of an enclave is told whom it serves, and replaced when that changes."""

from pathlib import Path

import pytest
import yaml

from appliance.contract.catalogue import Catalogue
from appliance.contract.manifest import Database, Manifest
from appliance.enclave.database import database_files
from appliance.enclave.render import containers
from appliance.enclave.site import Site, load_site
from appliance.host.state.generation import Facts
from appliance.host.state.rendering import render_generation
from appliance.trust.keys import generate
from appliance.trust.officers import Officers
from tests.catalogue import CATALOGUE
from tests.unit.enclave.test_site import EXAMPLE, IMAGES, PATHS

OFFICERS = Officers(
    _type="officers",
    officers={name: generate(name).public for name in ("isso", "issm")},
    authority="0" * 64,
    demo=True,
)
FILES = ("pg_ident.conf", "database-services")


@pytest.fixture
def site() -> Site:
    return load_site(EXAMPLE)


def with_connections(**connections: int) -> Catalogue:
    """The catalogue in which exactly these services have a database."""
    services: list[Manifest] = []
    for manifest in CATALOGUE:
        wanted = connections.get(manifest.name)
        services.append(manifest.model_copy(update={"database": Database(connections=wanted) if wanted else None}))
    return Catalogue(services=tuple(services))


def rendered(site: Site, catalogue: Catalogue, folder: Path) -> dict[str, bytes]:
    (folder / "officers.json").write_bytes(OFFICERS.encode())
    (folder / "site.dsse.json").write_text("{}")
    models = {model: "00" * 32 for enclave in site.enclaves for model in enclave.models}
    facts = Facts(bundle="b", root_fingerprint="f", images=IMAGES, models=models, policy="00" * 32)
    return render_generation(PATHS, facts, site, catalogue, folder, "key")


def label(files: dict[str, bytes], container: str) -> str:
    services = yaml.safe_load(files["enclaves/secret/compose.yml"])["services"]
    return str(services[container]["labels"].get("appliance.settings"))


def test_its_files_lie_beside_the_gateways_and_are_mounted_read_only(site: Site, tmp_path: Path) -> None:
    files = rendered(site, CATALOGUE, tmp_path)
    enclave = site.enclave("secret")
    mounted = {
        volume["target"]: (Path(volume["source"]).relative_to(PATHS.settings("secret")).name, volume["read_only"])
        for volume in containers(enclave, CATALOGUE, IMAGES, PATHS)["database"]["volumes"]
        if volume["target"].startswith("/etc/")
    }
    assert mounted == {
        "/etc/appliance/pg_ident.conf": ("pg_ident.conf", True),
        "/etc/appliance/services": ("database-services", True),
    }
    served = database_files([CATALOGUE[name] for name in ("labeling", "evaluation", "decision")])
    for name, text in zip(FILES, served.values(), strict=True):
        assert files[f"enclaves/secret/{name}"].decode() == text
    assert files["enclaves/secret/database-services"] == b"labeling 10\nevaluation 6\ndecision 6\n"


@pytest.mark.parametrize(
    ("connections", "replaced"),
    [
        ({"labeling": 10, "evaluation": 6, "decision": 6}, False),
        ({"labeling": 11, "evaluation": 6, "decision": 6}, True),
        ({"labeling": 10, "evaluation": 6, "decision": 6, "inference": 5}, True),
        ({"evaluation": 6}, True),
    ],
)
def test_it_is_replaced_when_what_it_serves_changes(
    site: Site, tmp_path: Path, connections: dict[str, int], replaced: bool
) -> None:
    before, after = rendered(site, CATALOGUE, tmp_path), rendered(site, with_connections(**connections), tmp_path)
    assert len(label(before, "database")) == 64
    assert (label(before, "database") != label(after, "database")) == replaced
    assert label(before, "gateway") == label(after, "gateway")


def test_every_service_with_a_database_has_its_migration(site: Site) -> None:
    found = containers(site.enclave("secret"), with_connections(labeling=10, evaluation=5), IMAGES, PATHS)
    for name in ("labeling", "evaluation"):
        assert found[f"{name}-migrate"]["user"] == "1111:1111"
        assert found[f"{name}-migrate"]["network_mode"] == "none"
        assert "/run/postgresql" in [volume["target"] for volume in found[name]["volumes"]]
    assert "inference-migrate" not in found
    assert "/run/postgresql" not in [volume["target"] for volume in found["inference"]["volumes"]]


def test_where_no_service_has_one_there_is_none(site: Site, tmp_path: Path) -> None:
    files = rendered(site, with_connections(), tmp_path)
    assert not [name for name in files if Path(name).name in FILES]
    assert "database" not in yaml.safe_load(files["enclaves/secret/compose.yml"])["services"]
    assert not [name for name in rendered(site, CATALOGUE, tmp_path) if name.startswith("enclaves/console/database")]
