"""A file is replaced whole, with its owner and permissions, and never through a link that somebody left."""

import os
from pathlib import Path

import pytest

from appliance.trust.files import replace_file


def test_a_file_is_replaced_whole_with_its_permissions_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "key"
    for data, mode in ((b"old", 0o400), (b"new", 0o644)):
        replace_file(file, data, mode=mode)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (data, mode)
    assert [path.name for path in file.parent.iterdir()] == ["key"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_belongs_to_its_owner(tmp_path: Path) -> None:
    replace_file(tmp_path / "key", b"x", mode=0o400, owner=1101)
    status = (tmp_path / "key").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1101, 1101, 0o400)


def test_without_a_mode_the_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", [".key.new", "key"])
def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (tmp_path / name).symlink_to(victim)
    replace_file(tmp_path / "key", b"secret", mode=0o400)
    assert victim.read_bytes() == b"untouched"
    assert not (tmp_path / "key").is_symlink()
