"""Keys are replaced while requests go on; killed at any step there is a key in force, and recovery ends it."""

import hashlib
import math
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract.known_keys import KnownKeys
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.change import rotate
from appliance.host.data import backup
from appliance.host.state import rotation
from appliance.monitor.serve import succession
from appliance.monitor.serve.announcement import announced, expected
from appliance.trust import dsse
from appliance.trust.keys import host_key
from appliance.trust.officers import payload_type
from tests.unit.host.installed import Host
from tests.unit.host.killed import at_each_step
from tests.unit.monitor.gateway import Rig, running

NAMES = ("contexts.key", "secret.labeling.admission.key")
REQUESTS, THREADS = 4_000, 8


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    made = HostPaths(tmp_path / "root", tmp_path / "run")
    fresh(made)
    return made


def fresh(paths: HostPaths) -> None:
    shutil.rmtree(paths.root, ignore_errors=True)
    (paths.root / "secrets").mkdir(parents=True)
    for name in NAMES:
        (paths.root / "secrets" / name).write_bytes(bytes(32))


def in_force(paths: HostPaths) -> dict[str, bytes]:
    return {name: (paths.root / "secrets" / name).read_bytes() for name in NAMES}


def verifies(paths: HostPaths, private: bytes) -> bool:
    """Whether services accept what the monitor signs with ``private``."""
    if not paths.context_keys.exists():
        return private == in_force(paths)["contexts.key"]
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return public in {paths.context_keys.read_bytes()[at : at + 32] for at in (0, 32)}


def test_both_keys_count_until_the_old_ones_are_dropped(paths: HostPaths) -> None:
    old = in_force(paths)
    rotation.begin(paths, NAMES, at_once=False)
    assert in_force(paths) == old
    assert rotation.advance(paths)
    new = in_force(paths)
    assert all(new[name] != old[name] for name in NAMES)
    assert verifies(paths, old["contexts.key"])
    assert verifies(paths, new["contexts.key"])
    kept = [file for file in (paths.root / "secrets").rglob("*") if file.is_file() and file.name not in old]
    assert all(file.stat().st_mode & 0o077 == 0 for file in [*kept, *rotation.previous(paths).iterdir()])
    assert (rotation.previous(paths) / NAMES[1]).read_bytes() == old[NAMES[1]]
    assert not rotation.finish(paths)
    assert rotation.finish(paths, now=time.time() + rotation.OVERLAP_SECONDS + 1)
    assert not verifies(paths, old["contexts.key"])
    assert not rotation.is_unfinished(paths)


def test_compromised_keys_end_at_once(paths: HostPaths) -> None:
    old = in_force(paths)
    rotation.begin(paths, NAMES, at_once=True)
    rotation.advance(paths)
    assert not verifies(paths, old["contexts.key"])
    assert not rotation.is_unfinished(paths)


@pytest.mark.parametrize("at_once", [False, True])
def test_killed_at_any_step_the_keys_in_force_verify_and_recovery_ends_it(paths: HostPaths, *, at_once: bool) -> None:
    def rotated() -> None:
        rotation.begin(paths, NAMES, at_once=at_once)
        rotation.advance(paths)
        rotation.finish(paths, now=math.inf)

    killed = 0
    for _ in at_each_step(paths.root, rotated):
        killed += 1
        left = in_force(paths)
        assert {len(key) for key in left.values()} == {32}
        assert at_once or verifies(paths, left["contexts.key"]), "of compromised keys, none may count in between"
        begun = (paths.root / "secrets" / rotation.NEXT).is_dir()
        rotation.advance(paths)
        rotation.finish(paths, now=math.inf)
        assert not rotation.is_unfinished(paths)
        after = in_force(paths)
        assert verifies(paths, after["contexts.key"])
        assert not verifies(paths, bytes(32)) or after["contexts.key"] == bytes(32)
        if begun:
            assert all(after[name] != bytes(32) for name in NAMES)
        fresh(paths)
    assert killed > 10


def test_a_file_with_part_of_a_key_or_three_is_refused(tmp_path: Path) -> None:
    for length in (0, 31, 33, 96):
        (tmp_path / "keys").write_bytes(bytes(length))
        with pytest.raises(ApplianceError, match=f"has {length} bytes"):
            KnownKeys(tmp_path / "keys")


def rotated_under_load(rig: Rig) -> list[int]:
    """The statuses of requests that go on while keys are replaced as ``rotate.contexts`` does, without databases."""
    rotation.begin(rig.paths, [rig.paths.signing_key.name], at_once=False)
    rig.paths.context_keys.write_bytes(
        Ed25519PrivateKey.from_private_bytes(rig.paths.signing_key.read_bytes()).public_key().public_bytes_raw()
    )
    rig.known = KnownKeys(rig.paths.context_keys)
    found: list[int] = []

    def ask() -> None:
        with rig.client("analyst") as client:
            found.extend(client.get("/labeling/tasks/1").status_code for _ in range(REQUESTS // THREADS))

    with rig.client("analyst") as client:
        assert client.post("/session").status_code == 201
    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    rotation.advance(rig.paths)
    succession.ask_for_keys(rig.paths)
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as one:
        yield one


def test_no_request_of_four_thousand_is_refused_and_the_monitor_announces_the_new_keys(rig: Rig) -> None:
    before = rig.paths.signing_key.read_bytes()
    found = rotated_under_load(rig)
    assert found == [200] * REQUESTS
    assert rig.paths.signing_key.read_bytes() != before
    assert announced(rig.paths) == expected(rig.paths)
    with rig.client("analyst") as client:
        rotation.finish(rig.paths, now=math.inf)
        assert client.get("/labeling/tasks/1").status_code == 200


def test_keys_that_the_monitor_has_not_read_are_not_announced(rig: Rig) -> None:
    while announced(rig.paths) is None:
        time.sleep(0.01)
    rotation.begin(rig.paths, [rig.paths.signing_key.name], at_once=False)
    rotation.advance(rig.paths)
    assert announced(rig.paths) != expected(rig.paths), "a recovery replaces this monitor"
    succession.ask_for_keys(rig.paths)
    assert announced(rig.paths) == expected(rig.paths)


def test_a_replaced_host_key_still_vouches_and_a_compromised_one_does_not(tmp_path: Path) -> None:
    host = Host(tmp_path)
    file = host.paths.root / "secrets" / "host.pem"
    old = host_key(file, demo=True)
    archive = tmp_path / "x.tar.age"
    archive.write_bytes(b"archive")
    value = backup.Backup(
        site=host.site.site, enclave="secret", label="S;;GBR,USA", marking="SECRET//REL TO USA, GBR",
        taken=datetime(2026, 1, 1, tzinfo=UTC), generation=1, archive=archive.name, size=7,
        sha256=hashlib.sha256(b"archive").hexdigest(),
    ).model_dump(mode="json")  # fmt: skip
    statement = tmp_path / "x.dsse.json"
    statement.write_bytes(dsse.sign(value, payload_type(backup.KIND), [old]))
    rotate.host(host.paths)
    assert host_key(file, demo=True).public != old.public
    assert backup.read(host.paths, statement, None).archive == archive.name
    rotate.host(host.paths, compromised=True)
    with pytest.raises(ApplianceError, match=r"x\.dsse\.json"):
        backup.read(host.paths, statement, None)
    assert backup.read(host.paths, statement, old.public).archive == archive.name, "only if somebody names it"
