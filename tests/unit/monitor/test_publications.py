"""A service publishes pages of its typed routes, from its own volume; whatever it lays there, nothing else is taken."""

import os
from pathlib import Path

import pytest

from appliance.contract.manifest import Manifest
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave, load_site
from appliance.monitor.serve import publications
from appliance.monitor.serve.publications import PublicationError, Publications
from tests.catalogue import CATALOGUE

PROJECT = "/labeling/api/projects/3f2a0000-0000-4000-8000-000000000001"
FILE = "labeling,api,projects,3f2a0000-0000-4000-8000-000000000001.json"
LABELING: Manifest = CATALOGUE["labeling"]
ENCLAVE: Enclave = load_site(Path("site.example.yml")).enclave("unclassified")
OWNER = ENCLAVE.uids + LABELING.uid


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    paths = HostPaths(tmp_path / "root", tmp_path / "run")
    paths.published(ENCLAVE.name).mkdir(parents=True)
    return paths


def outbox(paths: HostPaths) -> Path:
    folder = paths.volume(ENCLAVE.name, "labeling") / "published"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lay(paths: HostPaths, text: str, name: str = FILE) -> Path:
    file = outbox(paths) / name
    file.write_text(text)
    os.chown(file, OWNER, OWNER)
    return file


def copy(paths: HostPaths, name: str = FILE) -> Path:
    return paths.published(ENCLAVE.name) / "labeling" / name


def test_a_page_is_copied_replaced_and_withdrawn(paths: HostPaths) -> None:
    published = Publications(paths)
    for text in ("one", "two"):
        lay(paths, text).rename(outbox(paths) / FILE)
        published.take(ENCLAVE, LABELING, PROJECT, "json")
        assert copy(paths).read_text() == text
        assert copy(paths).stat().st_uid == 0
        assert published.find(ENCLAVE.name, "labeling", PROJECT) == f"labeling/{FILE}"
    assert Publications(paths).find(ENCLAVE.name, "labeling", PROJECT), "a restart forgets nothing"
    (outbox(paths) / FILE).unlink()
    published.take(ENCLAVE, LABELING, PROJECT, "json")
    assert published.find(ENCLAVE.name, "labeling", PROJECT) is None
    assert not copy(paths).exists()


def test_the_gateway_may_read_it_whatever_the_monitors_umask(paths: HostPaths) -> None:
    lay(paths, "{}")
    before = os.umask(0o077)
    try:
        Publications(paths).take(ENCLAVE, LABELING, PROJECT, "json")
    finally:
        os.umask(before)
    assert copy(paths).parent.stat().st_mode & 0o777 == 0o755
    assert copy(paths).stat().st_mode & 0o777 == 0o644


def test_another_kind_of_a_page_replaces_the_one_before(paths: HostPaths) -> None:
    published = Publications(paths)
    lay(paths, "{}")
    published.take(ENCLAVE, LABELING, PROJECT, "json")
    html = FILE.replace(".json", ".html")
    lay(paths, "<p>", html)
    published.take(ENCLAVE, LABELING, PROJECT, "html")
    assert published.find(ENCLAVE.name, "labeling", PROJECT) == f"labeling/{html}"
    assert not copy(paths).exists()


def link_to_a_secret(paths: HostPaths) -> None:
    (paths.root / "secret").write_text("SECRET")
    (outbox(paths) / FILE).symlink_to(paths.root / "secret")


def hard_link_to_a_secret(paths: HostPaths) -> None:
    (paths.root / "secret").write_text("SECRET")
    (outbox(paths) / FILE).hardlink_to(paths.root / "secret")


def folder_that_is_a_link(paths: HostPaths) -> None:
    elsewhere = paths.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE).write_text("SECRET")
    outbox(paths).rmdir()
    (paths.volume(ENCLAVE.name, "labeling") / "published").symlink_to(elsewhere)


def another_owners_file(paths: HostPaths) -> None:
    os.chown(lay(paths, "SECRET"), 0, 0)


def fifo(paths: HostPaths) -> None:
    os.mkfifo(outbox(paths) / FILE)


def large(paths: HostPaths) -> None:
    os.truncate(lay(paths, ""), publications.MAXIMUM_SIZE + 1)


@pytest.mark.parametrize(
    "laid", [link_to_a_secret, hard_link_to_a_secret, folder_that_is_a_link, another_owners_file, fifo, large]
)
def test_a_service_publishes_nothing_but_its_own_files(paths: HostPaths, laid: object) -> None:
    assert callable(laid)
    laid(paths)
    published = Publications(paths)
    with pytest.raises(PublicationError):
        published.take(ENCLAVE, LABELING, PROJECT, "json")
    assert published.find(ENCLAVE.name, "labeling", PROJECT) is None
    assert not copy(paths).exists()


@pytest.mark.parametrize(
    "path",
    [
        "/labeling/anything",
        "/labeling/api/projects/x",
        f"{PROJECT}/tasks/after/0",
        f"{PROJECT}/tasks/after/{PROJECT}",
        f"{PROJECT}/../x",
        PROJECT.upper(),
        "/console/",
        "/labeling/api/tasks/3f2a0000-0000-4000-8000-000000000001",
    ],
)
def test_what_no_typed_route_covers_is_not_published(paths: HostPaths, path: str) -> None:
    with pytest.raises(PublicationError, match="no typed read-down route"):
        Publications(paths).take(ENCLAVE, LABELING, path, "json")


@pytest.mark.parametrize("limit", ["MAXIMUM_FILES", "MAXIMUM_TOTAL"])
def test_a_service_does_not_fill_the_disk(paths: HostPaths, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(publications, limit, {"MAXIMUM_FILES": 1, "MAXIMUM_TOTAL": 3}[limit])
    published = Publications(paths)
    lay(paths, "{}")
    published.take(ENCLAVE, LABELING, PROJECT, "json")
    published.take(ENCLAVE, LABELING, PROJECT, "json")
    other = PROJECT.replace("0001", "0002")
    lay(paths, "{}", FILE.replace("0001", "0002"))
    with pytest.raises(PublicationError, match="no room"):
        published.take(ENCLAVE, LABELING, other, "json")
