"""Wheels and npm packages are used only with the bytes that were locked."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from appliance.bundle.inputs.collect import Artifact, Store, collect_npm, collect_wheels, read_requirements
from appliance.bundle.inputs.lock import NpmPackage, SourcesLock
from appliance.errors import ApplianceError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def make_wheel(store: Store) -> str:
    path = store.wheels / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small.py", "x = 1\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_lock_of_the_project_pins_version_and_hash() -> None:
    locks = [*ROOT.glob("images/*/requirements.lock"), ROOT / "roles/model/files/requirements.lock"]
    assert len(locks) >= 4
    for lock in locks:
        assert all(requirement.version and requirement.hashes for requirement in read_requirements(lock))


@pytest.mark.parametrize("line", ["small==1.0\n", "small>=1.0 --hash=sha256:" + "0" * 64 + "\n", "-e .\n"])
def test_a_requirement_without_version_or_hash_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.lock").write_text(line)
    with pytest.raises(ApplianceError, match="no pinned version or no hash"):
        read_requirements(tmp_path / "requirements.lock")


def test_a_wheel_in_the_store_is_used_by_its_digest(store: Store, tmp_path: Path) -> None:
    digest = make_wheel(store)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"# comment\nsmall[fast]==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n")
    (wheel,) = collect_wheels(store, lock)
    assert (wheel.name, wheel.version, wheel.sha256, wheel.purl) == ("small", "1.0", digest, "pkg:pypi/small@1.0")


def test_a_wheel_with_another_digest_is_not_used(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(store)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(store.wheels))
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"small==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ApplianceError, match="downloading the wheels"):
        collect_wheels(store, lock)


def test_an_npm_package_with_another_integrity_is_refused(store: Store) -> None:
    (store.npm / "scope-small-1.0.0.tgz").write_bytes(b"tarball")
    good = "sha512-" + base64.b64encode(hashlib.sha512(b"tarball").digest()).decode()
    other = "sha512-" + base64.b64encode(hashlib.sha512(b"other").digest()).decode()
    lock = SourcesLock(epoch=0, npm={"@scope/small": NpmPackage(version="1.0.0", integrity=good)})
    (artifact,) = collect_npm(store, lock, ["@scope/small"])
    assert artifact.purl == "pkg:npm/%40scope/small@1.0.0"
    lock.npm["@scope/small"] = NpmPackage(version="1.0.0", integrity=other)
    with pytest.raises(ApplianceError, match="the lock says"):
        collect_npm(store, lock, ["@scope/small"])


def test_package_urls_follow_the_specification() -> None:
    deb = Artifact("deb", "libstdc++6", "2:12.2.0-14", Path("x"), "0" * 64, "amd64")
    assert deb.purl == "pkg:deb/debian/libstdc%2B%2B6@2%3A12.2.0-14?arch=amd64&distro=bookworm"
