"""`make box`: a Debian 12 machine for Vagrant, made from Debian packages alone.

The box is kept in the cache by the digest of its inputs: this module, the list of packages and the customisation.
Kernel and initial file system lie beside it: the machine is started with them directly, without a boot loader.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from appliance.bundle.build.make import default_cache
from appliance.bundle.inputs.apt import debian_sources
from appliance.bundle.inputs.process import run
from appliance.errors import ApplianceError

HERE = Path(__file__).parent
INPUTS = ("box.py", "box.yml", "customize")
SCRATCH_BYTES = 6 << 30
Say = Callable[[str], None]


def digest() -> str:
    """The digest of the box's inputs; `Vagrantfile` computes the same and refuses an older box."""
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in INPUTS)).hexdigest()[:16]


def folder_of(variant: str) -> Path:
    """Where the box of ``variant`` is kept: ``box.img``, ``vmlinuz``, ``initrd`` and ``<name>.box``."""
    return default_cache() / "boxes" / f"{variant}-{digest()}"


def make_key() -> Path:
    """The key with which Vagrant logs in, made once a machine; returns the private half."""
    key = default_cache() / "boxes" / "vagrant_key"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vagrant", "-f", key], purpose="making Vagrant's key")
    return key


def make_box(variant: str, say: Say) -> Path:
    """The box of ``variant``, from the cache or made now.

    Raises:
        ApplianceError: not root, too little room, or Debian's mirror does not answer.
    """
    home = folder_of(variant)
    if home.exists():
        say(f"{variant}: unchanged, {home}")
        return home
    _check_before(home.parent)
    recipe = yaml.safe_load((HERE / "box.yml").read_text())
    own = recipe["variants"][variant]
    with tempfile.TemporaryDirectory(prefix=".new-", dir=home.parent) as folder:
        scratch = Path(folder)
        tree, arriving = scratch / "tree", scratch / "box"
        arriving.mkdir()
        say(f"{variant}: installing Debian packages (minutes)")
        _bootstrap(tree, [*recipe["common"], *own["packages"]])
        say(f"{variant}: customising")
        _customise(tree)
        for name in ("vmlinuz", "initrd"):
            shutil.copyfile(next((tree / "boot").glob(f"{name}*")), arriving / name)
        say(f"{variant}: writing the disk image")
        _disk(tree, arriving / "box.img", own["megabytes"])
        _pack(arriving, variant, own["megabytes"])
        arriving.rename(home)
    _forget_older(home, variant)
    say(f"{variant}: done, {home}")
    return home


def _check_before(folder: Path) -> None:
    if os.geteuid() != 0:
        raise ApplianceError("a box is made by root", rule="it holds files of many users", remedy="sudo make box")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < SCRATCH_BYTES:
        raise ApplianceError(
            f"{folder}: {free >> 20} MiB free, {SCRATCH_BYTES >> 20} MiB needed to make a box",
            remedy="make room, or set APPLIANCE_CACHE to a folder elsewhere",
        )


def _bootstrap(tree: Path, packages: list[str]) -> None:
    command = ["nice", "mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--format=directory"]
    command += [f"--include={','.join(packages)}", "bookworm", str(tree)]
    command += debian_sources()
    run(
        command,
        purpose="installing the box's Debian packages",
        remedy=f"make it where a Debian mirror answers, or copy {default_cache()}/boxes from a machine that has it",
    )


def _customise(tree: Path) -> None:
    script = tree / "tmp" / "customize"
    shutil.copyfile(HERE / "customize", script)
    public = make_key().with_suffix(".pub").read_text().strip()
    run(["chroot", tree, "/bin/sh", "/tmp/customize", public], purpose="customising the box")  # noqa: S108
    script.unlink()


def _disk(tree: Path, image: Path, megabytes: int) -> None:
    """A file system without a partition table: the kernel is given ``root=/dev/vda``."""
    raw = image.with_suffix(".raw")
    with raw.open("wb") as file:
        file.truncate(megabytes << 20)
    run(["mkfs.ext4", "-q", "-F", "-L", "root", "-d", tree, raw], purpose="writing the box's file system")
    run(["qemu-img", "convert", "-O", "qcow2", raw, image], purpose="compacting the box's disk")
    raw.unlink()


def _pack(folder: Path, variant: str, megabytes: int) -> None:
    """The form that Vagrant adds: a tar archive of the image and what it is (vagrant-libvirt, "Box Format")."""
    size = -(-megabytes // 1024)
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": size}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with tarfile.open(folder / f"{variant}.box", "w") as archive:
        for name in ("metadata.json", "box.img"):
            archive.add(folder / name, arcname=name)
    (folder / "box.img").unlink()


def _forget_older(home: Path, variant: str) -> None:
    for other in home.parent.glob(f"{variant}-*"):
        if other != home:
            shutil.rmtree(other)


def main() -> int:
    """Make the boxes that are named; 0 when all are there."""
    parser = argparse.ArgumentParser(prog="python -m tests.vagrant.box", description=__doc__)
    parser.add_argument("variants", nargs="*", default=["host"], help="host, workstation [host]")
    try:
        for variant in parser.parse_args().variants:
            make_box(variant, lambda text: print(text, file=sys.stderr, flush=True))
    except ApplianceError as error:
        print(f"error: {error.message}\n  rule: {error.rule}\n  remedy: {error.remedy}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
