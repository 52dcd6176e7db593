"""Encryption at rest, as the kernel lists block devices; the tree is made as sysfs has it."""

import os
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host.enforce.at_rest import encryption


def device(tree: Path, name: str, *, uuid: str = "", on: tuple[str, ...] = ()) -> Path:
    """A block device of ``tree``, on the devices ``on``."""
    folder = tree / "devices" / name
    (folder / "slaves").mkdir(parents=True)
    for slave in on:
        (folder / "slaves" / slave).symlink_to(tree / "devices" / slave)
    if uuid:
        (folder / "dm").mkdir()
        (folder / "dm" / "uuid").write_text(f"{uuid}\n")
    return folder


def of(tree: Path, top: Path) -> str | None:
    """What is said of a path whose file system lies on ``top``."""
    number = tree.stat().st_dev
    (tree / f"{os.major(number)}:{os.minor(number)}").symlink_to(top)
    return encryption(tree, tree)


def test_a_volume_on_luks_is_encrypted_below_any_logical_volume(tmp_path: Path) -> None:
    device(tmp_path, "sda2")
    device(tmp_path, "dm-0", uuid="CRYPT-LUKS2-0123-root", on=("sda2",))
    assert of(tmp_path, device(tmp_path, "dm-1", uuid="LVM-abc", on=("dm-0",))) == "LUKS2 dm-0"


def test_a_mirror_with_one_plain_half_is_not_encrypted(tmp_path: Path) -> None:
    device(tmp_path, "sdb1")
    device(tmp_path, "dm-0", uuid="CRYPT-LUKS2-0123-half", on=())
    assert of(tmp_path, device(tmp_path, "md0", on=("dm-0", "sdb1"))) is None


def test_a_plain_disk_and_one_that_nobody_can_tell_are_not_encrypted(tmp_path: Path) -> None:
    assert encryption(tmp_path, tmp_path / "nothing") is None
    assert of(tmp_path, device(tmp_path, "sda1")) is None


def test_what_is_not_there_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="cannot be looked at"):
        encryption(tmp_path / "absent")
