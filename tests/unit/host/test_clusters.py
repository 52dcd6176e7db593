"""Majors of PostgreSQL: what a bundle brings is seen before, a way back is kept, and two officers close it."""

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.events import spool
from appliance.enclave.paths import HostPaths
from appliance.enclave.render import Images
from appliance.errors import ApplianceError
from appliance.host.change import clusters, preflight, rollback
from appliance.host.change.clusters import Move
from appliance.host.data import closing
from appliance.host.data.closing import KIND
from appliance.host.enforce.platform import detect
from appliance.host.state import generation
from appliance.host.state.generation import Facts
from appliance.trust import dsse
from appliance.trust.officers import payload_type
from tests.catalogue import CATALOGUE
from tests.unit.host.installed import Host

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("original"))


@pytest.fixture
def host(original: Host, tmp_path: Path) -> Host:
    """A host that runs PostgreSQL 16 since an update from 15."""
    made = copy.copy(original)
    made.paths = HostPaths(tmp_path / "root", tmp_path / "run")
    shutil.copytree(original.paths.root, made.paths.root, symlinks=True)
    first = generation.required(made.paths)
    second = Path(shutil.copytree(first, first.with_name("2"), symlinks=True))
    (second / "previous").symlink_to(Path("..") / first.name)
    for folder, major in ((first, 15), (second, 16)):
        config = {"Env": [f"{clusters.SETTING}={major}"]}
        images = Images({}, {}, {"database": f"{major}" * 32}, {"database": config})
        (folder / generation.FACTS).write_bytes(replace(Facts.of(folder), images=images).encode())
    generation.switch(made.paths, second)
    for major in (15, 16):
        cluster(made.paths, major).mkdir(parents=True)
        (cluster(made.paths, major) / "PG_VERSION").write_text(f"{major}\n")
    return made


def cluster(paths: HostPaths, major: int) -> Path:
    return paths.volume("secret", "database") / "data" / str(major)


@pytest.mark.parametrize(
    ("configs", "major"),
    [
        ({"gateway": {}}, None),
        ({"database": {}}, 15),
        ({"database": {"Env": None}}, 15),
        ({"database": {"Env": ["PATH=/bin", "POSTGRESQL_MAJOR=17"]}}, 17),
    ],
)
def test_an_image_says_its_major_and_those_before_were_15(configs: dict[str, Any], major: int | None) -> None:
    assert clusters.major_of(configs) == major


def test_an_image_whose_major_is_no_number_is_refused() -> None:
    with pytest.raises(ApplianceError, match="POSTGRESQL_MAJOR is 'new'"):
        clusters.major_of({"database": {"Env": ["POSTGRESQL_MAJOR=new"]}})


def test_the_major_of_a_bundle_is_read_from_its_layout() -> None:
    config = json.dumps({"config": {"Env": ["POSTGRESQL_MAJOR=17"]}}).encode()
    manifest = json.dumps({"config": {"digest": f"sha256:{hashlib.sha256(config).hexdigest()}"}}).encode()
    name = {"org.opencontainers.image.ref.name": "database"}
    entry = {"digest": f"sha256:{hashlib.sha256(manifest).hexdigest()}", "annotations": name}
    files = {"images/index.json": json.dumps({"manifests": [{"digest": "sha256:0"}, entry]}).encode()}
    for data in (config, manifest):
        files[f"images/blobs/sha256/{hashlib.sha256(data).hexdigest()}"] = data
    assert clusters.offered_major(files.__getitem__) == 17
    assert clusters.offered_major({"images/index.json": b'{"manifests": []}'}.__getitem__) is None


def test_the_way_to_another_major_is_known_before(host: Host) -> None:
    assert clusters.move(host.paths, 17) == Move(16, 17)
    assert clusters.move(host.paths, 16) is None
    assert clusters.move(host.paths, None) is None
    with pytest.raises(ApplianceError, match="the bundle has PostgreSQL 15, and 16 runs here"):
        clusters.move(host.paths, 15)
    (cluster(host.paths, 16) / "rows").write_bytes(bytes(1 << 20))
    (need,) = clusters.needs(host.paths, 17)
    assert need.length > 5 << 19
    assert clusters.needs(host.paths, 16) == []


def test_no_other_installation_begins_until_it_is_closed(host: Host) -> None:
    first, *_ = list(preflight._database(examined(host, 16)))
    assert isinstance(first, ApplianceError)
    assert "the upgrade of the database of secret from PostgreSQL 15 is not closed" in first.message
    shutil.rmtree(cluster(host.paths, 15))
    assert list(preflight._database(examined(host, 16))) == []
    (found,) = preflight._database(examined(host, 17))
    assert str(found).startswith("PostgreSQL 16 to 17: databases are dumped")


def examined(host: Host, major: int) -> preflight.Host:
    policy: Any = None  # this check does not ask for it
    return preflight.Host(host.paths, host.site, policy, CATALOGUE, detect(), [], NOW, NOW, major=major)


def test_a_return_to_the_major_before_takes_the_data_of_that_time(host: Host) -> None:
    with pytest.raises(ApplianceError, match="what was written since is in a cluster of 16"):
        rollback.plan(host.paths, restore_data=False)
    (host.paths.root / "copies" / "1" / "secret" / "database").mkdir(parents=True)
    assert rollback.plan(host.paths, restore_data=True).returns_to == 1


def statement(host: Host, folder: Path, *, by: int = 2, **changes: Any) -> Path:
    value = {"site": host.site.site, "old": 15, "new": 16, "reason": "two weeks without a finding"}
    value |= {"expires": (datetime.now(UTC) + timedelta(days=1)).isoformat()} | changes
    file = folder / "closing.dsse.json"
    file.write_bytes(dsse.sign(value, payload_type(KIND), list(host.officers.values())[:by]))
    return file


def test_two_officers_close_it_and_only_the_cluster_before_goes(host: Host, tmp_path: Path) -> None:
    file = statement(host, tmp_path)
    assert clusters.waiting(host.paths) == {"secret": [15]}
    assert closing.close(host.paths, file, dry_run=True).enclaves == ("secret",)
    assert cluster(host.paths, 15).exists()
    assert not (host.paths.root / "spool" / spool.FILE).exists()
    closing.close(host.paths, file)
    assert not cluster(host.paths, 15).exists()
    assert (cluster(host.paths, 16) / "PG_VERSION").exists()
    assert '"database.close"' in (host.paths.root / "spool" / spool.FILE).read_text()
    with pytest.raises(ApplianceError, match="waits to be closed here"):
        closing.close(host.paths, file)


@pytest.mark.parametrize(
    ("by", "changes", "reason"),
    [
        (1, {}, "2 people must sign"),
        (2, {"site": "another"}, "is for the site another"),
        (2, {"expires": "2026-01-01T00:00:00Z"}, "lapsed"),
        (2, {"old": 16, "new": 16}, "no upgrade from PostgreSQL 16 to 16 waits"),
        (2, {"new": 17}, "no upgrade from PostgreSQL 15 to 17 waits"),
        (2, {"old": "../15"}, "old"),
    ],
)
def test_nothing_else_closes_it(host: Host, tmp_path: Path, by: int, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApplianceError, match=reason):
        closing.close(host.paths, statement(host, tmp_path, by=by, **changes))
    assert cluster(host.paths, 15).exists()


def _data(volume: Path, outside: Path) -> None:
    shutil.rmtree(volume / "data")
    (volume / "data").symlink_to(outside)


def _cluster(volume: Path, outside: Path) -> None:
    shutil.rmtree(volume / "data" / "15")
    (volume / "data" / "15").symlink_to(outside)


@pytest.mark.parametrize("trick", [_data, _cluster])
def test_a_database_that_was_taken_over_leads_the_host_nowhere(
    host: Host, tmp_path: Path, trick: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    (outside / "15").mkdir(parents=True)
    trick(host.paths.volume("secret", "database"), outside)
    with pytest.raises(ApplianceError, match="waits to be closed here"):
        closing.close(host.paths, statement(host, tmp_path))
    assert (outside / "15").is_dir()


def test_the_mark_that_asks_a_database_to_leave_is_written_through_no_link(host: Host, tmp_path: Path) -> None:
    target = tmp_path / "target"
    mark = host.paths.volume("secret", "database") / clusters.WANTED
    mark.symlink_to(target)
    clusters.ask(host.paths, "secret", os.geteuid())
    assert not target.exists()
    assert mark.is_file()
    assert not mark.is_symlink()
    assert clusters.forget(host.paths, "secret")
    assert not clusters.forget(host.paths, "secret")
