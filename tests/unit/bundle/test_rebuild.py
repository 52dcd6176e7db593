"""Building a bundle's images again begins with a proven bundle and uses what it carries."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.bundle.build.rebuild import SiteBuilder, rebuild
from appliance.bundle.build.steps import Builder
from appliance.bundle.inputs.lock import HOST, SourcesLock, requests, write_lock
from appliance.errors import ApplianceError
from tests.unit.bundle.sample import make_bundle, make_keys

OWN = ("wheels/mls_appliance-0.1.0-py3-none-any.whl", "wheels/mls_workbench-0.1.0-py3-none-any.whl")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The folders of a bundle that a builder reads."""
    playbooks = tmp_path / "bundle/targets/playbooks"
    for name, text in {
        "images/base/image.yml": "name: base\n",
        "roles/packages/defaults/main.yml": "packages_required: [podman]\n",
    }.items():
        (playbooks / name).parent.mkdir(parents=True, exist_ok=True)
        (playbooks / name).write_text(text)
    for name in ("debs/tool_1_amd64.deb", *OWN, "npm/x-1.0.0.tgz"):
        (tmp_path / "bundle/targets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle/targets" / name).write_bytes(b"content")
    builder = Builder(playbooks, tmp_path / "first", tmp_path / "out")
    asked = requests(builder.all_recipes, ["podman"])
    write_lock(
        SourcesLock(epoch=1, requested=asked, closures={"base": [], HOST: []}), playbooks / "images/sources.lock"
    )
    return tmp_path / "bundle"


def test_a_site_builds_from_the_packages_in_the_bundle(bundle: Path, tmp_path: Path) -> None:
    builder = SiteBuilder(bundle, tmp_path / "cache", marking="UNCLASSIFIED")
    assert builder.lock.epoch == 1
    found = [(wheel.name, wheel.version, wheel.path.read_bytes()) for wheel in builder.own_wheels.values()]
    assert found == [("mls-appliance", "0.1.0", b"content"), ("mls-workbench", "0.1.0", b"content")]
    assert {path.name for path in builder.store.debs.iterdir()} == {"tool_1_amd64.deb"}
    assert {path.name for path in builder.store.npm.iterdir()} == {"x-1.0.0.tgz"}


@pytest.mark.parametrize("wheel", OWN)
def test_a_bundle_without_a_wheel_of_the_project_is_refused(bundle: Path, tmp_path: Path, wheel: str) -> None:
    (bundle / "targets" / wheel).unlink()
    with pytest.raises(ApplianceError, match=f"0 wheels of {wheel[7:20].replace('_', '-')}"):
        _ = SiteBuilder(bundle, tmp_path / "cache", marking="UNCLASSIFIED").own_wheels


def test_nothing_is_built_from_a_damaged_bundle(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    now = datetime.now(UTC)
    make_bundle(tmp_path / "bundle", keys, created=now, expires=now + timedelta(days=1))
    damaged = next((tmp_path / "bundle/targets/images/blobs/sha256").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with pytest.raises(ApplianceError, match="SHA-256 is not the one that was signed"):
        rebuild(tmp_path / "bundle", keys.fingerprint, tmp_path / "work", lambda image: pytest.fail(image.name))
    assert not (tmp_path / "work").exists()
