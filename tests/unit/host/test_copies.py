"""Cold copies of data: whole or absent, and restored whole whatever was killed when."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.state import copies
from tests.unit.host.killed import at_each_step

VOLUMES = ("secret/database", "secret/labeling", "unclassified/database")


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    return HostPaths(tmp_path / "root", tmp_path / "run")


def write(paths: HostPaths, text: str) -> None:
    shutil.rmtree(paths.root, ignore_errors=True)
    for volume in VOLUMES:
        folder = paths.root / "enclaves" / volume
        folder.mkdir(parents=True)
        (folder / "rows").write_text(text)
    (paths.root / "enclaves/secret/models").mkdir()
    (paths.root / "enclaves/secret/models/m.certificate.dsse.json").write_text(text)


def read(folder: Path) -> dict[str, str]:
    return {str(file.parent.relative_to(folder)): file.read_text() for file in folder.rglob("rows")}


def generation(paths: HostPaths, number: int) -> Path:
    return paths.root / "generations" / str(number)


def whole(text: str) -> dict[str, str]:
    return dict.fromkeys(VOLUMES, text)


def test_a_copy_is_taken_of_data_and_not_of_models(paths: HostPaths) -> None:
    write(paths, "old")
    copy = copies.take(paths, generation(paths, 1))
    assert read(copy) == whole("old")
    assert not list(copy.rglob("models"))
    assert copy.parent.stat().st_mode & 0o077 == 0
    (paths.root / "enclaves/secret/database/rows").write_text("new")
    assert read(copy) == whole("old")


def test_killed_at_any_step_there_is_a_whole_copy_or_none(paths: HostPaths) -> None:
    write(paths, "old")
    for _ in at_each_step(paths.root, lambda: copies.take(paths, generation(paths, 1))):
        copy = copies.copy_of(paths, generation(paths, 1))
        assert not copy.exists() or read(copy) == whole("old")
        assert read(paths.root / "enclaves") == whole("old")
    assert read(copies.copy_of(paths, generation(paths, 1))) == whole("old")


def updated(paths: HostPaths) -> None:
    """Data of generation 2, and those that generation 1 left."""
    write(paths, "old")
    copies.take(paths, generation(paths, 1))
    for volume in VOLUMES:
        (paths.root / "enclaves" / volume / "rows").write_text("new")
    copies.begin_restore(paths, generation(paths, 1), generation(paths, 2))


def test_killed_at_any_step_restoring_ends_with_the_old_data_and_the_new_aside(paths: HostPaths) -> None:
    updated(paths)
    killed = 0
    for _ in at_each_step(paths.root, lambda: copies.finish_restore(paths, generation(paths, 1))):
        killed += 1
        copies.finish_restore(paths, generation(paths, 1))
        assert read(paths.root / "enclaves") == whole("old")
        assert read(copies.copy_of(paths, generation(paths, 2))) == whole("new")
        assert not copies.is_restoring(paths)
        assert (paths.root / "enclaves/secret/models/m.certificate.dsse.json").read_text() == "old"
        updated(paths)
    assert killed > 2 * len(VOLUMES)


def test_data_stay_when_the_switch_did_not_happen(paths: HostPaths) -> None:
    updated(paths)
    copies.finish_restore(paths, generation(paths, 2))
    assert read(paths.root / "enclaves") == whole("new")
    assert not copies.is_restoring(paths)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_without_room_no_part_of_a_copy_stays(small: Path) -> None:
    paths = HostPaths(small / "root", small / "run")
    write(paths, "old")
    (paths.root / "enclaves/unclassified/database/large").write_bytes(bytes(1_200_000))
    with pytest.raises(ApplianceError, match="could not be copied"):
        copies.take(paths, generation(paths, 1))
    assert not list((paths.root / "copies").iterdir())
    assert read(paths.root / "enclaves") == whole("old")
