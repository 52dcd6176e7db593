"""Each enclave has a file system of its own: bounded, found again, enlarged, and whole whatever was killed when."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave, Site, load_site
from appliance.errors import ApplianceError
from appliance.host.enforce import at_rest
from appliance.host.state import copies, volumes
from tests.unit.host.killed import at_each_step

SIZE = 16 << 20


def _usable() -> bool:
    with_loop = subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode == 0
    return with_loop and not volumes.problem()


pytestmark = pytest.mark.skipif(not _usable(), reason="loop devices are root's")


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[HostPaths]:
    yield HostPaths(tmp_path / "root", tmp_path / "run")
    for mounted in sorted(tmp_path.glob("root/*/*"), reverse=True):
        while mounted.is_mount():
            subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.fixture
def site() -> Site:
    found = load_site(Path("site.example.yml"))
    return found.model_copy(update={"enclaves": tuple(e.model_copy(update={"storage": "16m"}) for e in found.enclaves)})


@pytest.fixture
def enclave(site: Site) -> Enclave:
    return site.enclave("secret")


@contextmanager
def suppress_full() -> Iterator[None]:
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        yield


def fill(folder: Path) -> int:
    """Write until there is no room; how many bytes went in."""
    with (folder / "large").open("wb", buffering=0) as file:
        with suppress_full():
            while file.write(bytes(1 << 16)):
                pass
        return file.tell()


def test_an_enclave_fills_its_own_storage_and_nobody_else_s(paths: HostPaths, site: Site) -> None:
    for enclave in site.enclaves:
        assert volumes.ensure(paths, enclave)
        assert not volumes.ensure(paths, enclave), "repeating it changes nothing"
    assert volumes.findings(paths, site) == []
    taken = [volumes.image(paths, enclave.name).stat().st_blocks * 512 for enclave in site.enclaves]
    assert min(taken) >= SIZE, "its room is taken from the disk when it is made"
    assert 8 << 20 < fill(volumes.place(paths, "secret")) < SIZE
    fill(volumes.place(paths, "system-high"))
    (volumes.place(paths, "unclassified") / "small").write_bytes(bytes(1 << 20))


def test_after_a_boot_it_is_mounted_again_with_what_was_in_it(paths: HostPaths, enclave: Enclave, site: Site) -> None:
    volumes.ensure(paths, enclave)
    (volumes.place(paths, "secret") / "labeling").mkdir()
    subprocess.run(["umount", str(volumes.place(paths, "secret"))], check=True)
    assert {finding.key for finding in volumes.findings(paths, site)} >= {"storage of enclave secret"}
    assert volumes.mount_all(paths)
    assert (volumes.place(paths, "secret") / "labeling").is_dir()
    assert not volumes.mount_all(paths)
    assert copies.volumes(paths) == [volumes.place(paths, "secret") / "labeling"]


def test_it_grows_with_what_is_in_it_and_never_shrinks(paths: HostPaths, enclave: Enclave) -> None:
    volumes.ensure(paths, enclave)
    place = volumes.place(paths, "secret")
    (place / "rows").write_text("kept")
    larger = enclave.model_copy(update={"storage": "32m"})
    assert (volumes.needs_rest(paths, enclave), volumes.needs_rest(paths, larger)) == (False, True)
    assert volumes.ensure(paths, larger)
    assert shutil.disk_usage(place).total > 24 << 20
    assert not volumes.ensure(paths, enclave)
    assert shutil.disk_usage(place).total > 24 << 20
    assert (place / "rows").read_text() == "kept"


def older(paths: HostPaths) -> None:
    """What a release without storage of its own left."""
    shutil.rmtree(paths.root, ignore_errors=True)
    (paths.root / "enclaves" / "secret" / "labeling").mkdir(parents=True)
    (paths.root / "enclaves" / "secret" / "labeling" / "rows").write_text("kept")


def test_killed_at_any_step_what_an_earlier_release_kept_is_there(paths: HostPaths, enclave: Enclave) -> None:
    older(paths)
    killed = 0
    for _ in at_each_step(paths.root, lambda: volumes.ensure(paths, enclave)):
        killed += 1
        volumes.ensure(paths, enclave)
        place = volumes.place(paths, "secret")
        assert place.is_mount()
        assert (place / "labeling" / "rows").read_text() == "kept"
        subprocess.run(["umount", str(place)], check=True)
        assert not any(place.iterdir()), "what is moved is not kept twice"
        older(paths)
    assert killed > 8


def test_files_that_came_while_it_was_not_mounted_are_not_hidden(paths: HostPaths, enclave: Enclave) -> None:
    volumes.ensure(paths, enclave)
    subprocess.run(["umount", str(volumes.place(paths, "secret"))], check=True)
    (volumes.place(paths, "secret") / "stray").mkdir()
    with pytest.raises(ApplianceError, match="not in the enclave's file system"):
        volumes.mount_all(paths)
    assert (volumes.place(paths, "secret") / "stray").is_dir()


def test_without_room_nothing_of_it_stays(paths: HostPaths, enclave: Enclave) -> None:
    with pytest.raises(ApplianceError, match="fallocate"):
        volumes.ensure(paths, enclave.model_copy(update={"storage": "900000g"}))
    assert list((paths.root / volumes.FOLDER).iterdir()) == []


def test_a_volume_comes_back_from_its_copy_across_file_systems(paths: HostPaths, enclave: Enclave) -> None:
    generations = paths.root / "generations" / "1", paths.root / "generations" / "2"

    def updated() -> Path:
        volumes.ensure(paths, enclave)
        rows = volumes.place(paths, "secret") / "labeling" / "rows"
        rows.parent.mkdir(exist_ok=True)
        rows.write_text("old")
        copies.take(paths, generations[0])
        rows.write_text("new")
        copies.begin_restore(paths, generations[0], generations[1])
        return rows

    rows = updated()
    killed = 0
    for _ in at_each_step(paths.root, lambda: copies.finish_restore(paths, generations[0])):
        killed += 1
        copies.finish_restore(paths, generations[0])
        assert rows.read_text() == "old"
        aside = copies.copy_of(paths, generations[1]) / "secret" / "labeling" / "rows"
        assert aside.read_text() == "new"
        assert not copies.is_restoring(paths)
        shutil.rmtree(paths.root / "copies")
        updated()
    assert killed > 6


def test_whether_it_is_encrypted_is_asked_of_the_disk_below(paths: HostPaths, enclave: Enclave) -> None:
    volumes.ensure(paths, enclave)
    assert at_rest.encryption(volumes.place(paths, "secret")) == at_rest.encryption(paths.root)


def test_an_erased_enclave_leaves_no_file_system(paths: HostPaths, enclave: Enclave) -> None:
    volumes.ensure(paths, enclave)
    volumes.remove(paths, "secret")
    assert not volumes.place(paths, "secret").is_mount()
    assert list((paths.root / volumes.FOLDER).iterdir()) == []
