"""A file system of its own for each enclave, of the size that the officers declared, so that none fills another's disk.

It is either one that the sysadmin mounted at ``enclaves/<name>`` (a partition, a logical volume), or an ext4 in the
file ``volumes/<name>.ext4``, which takes its room from the disk at once and is mounted there through a loop device.
Without either nothing is installed: there is no enclave without a bound.
"""

import shutil
import subprocess
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Enclave, Site
from appliance.errors import ApplianceError
from appliance.host.enforce.difference import HostDifference
from appliance.trust.files import sync

FOLDER = "volumes"
MOVED = ".moved"
"""Ending of a mark: what lies at the enclave's place is in its file system too."""
OPTIONS = "loop,nosuid,nodev,noatime"
RULE = "each enclave has a file system of its own, of the size in site.yml (storage)"
PROGRAMS = ("mkfs.ext4", "resize2fs", "losetup", "fallocate")


def place(paths: HostPaths, name: str) -> Path:
    """Where the file system of an enclave is mounted."""
    return paths.root / "enclaves" / name


def image(paths: HostPaths, name: str) -> Path:
    """The file that holds it, where the appliance made it."""
    return paths.root / FOLDER / f"{name}.ext4"


def missing(paths: HostPaths, site: Site) -> dict[str, int]:
    """The enclaves whose file system is still to be made, with its bytes."""
    return {
        enclave.name: enclave.storage_bytes
        for enclave in site.enclaves
        if not place(paths, enclave.name).is_mount() and not image(paths, enclave.name).exists()
    }


def problem() -> str:
    """Why no file system can be made in a file here, or nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    answer = subprocess.run(["losetup", "--find"], capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else f"no loop device: {answer.stderr.strip()}"


def describe(paths: HostPaths, enclave: Enclave) -> str:
    """What bounds an enclave here, in words."""
    where = place(paths, enclave.name)
    if where.is_mount() and not image(paths, enclave.name).exists():
        return f"storage of {enclave.name}: the file system that is mounted at {where}"
    return f"storage of {enclave.name}: a file system of its own of {enclave.storage} (ext4 in a file)"


def ensure(paths: HostPaths, enclave: Enclave) -> bool:
    """Mount the file system of ``enclave``, made or enlarged before where need be; True when something changed.

    What an earlier release kept at its place moves into it. Nothing of the enclave may run then (:func:`needs_rest`).
    Repeating it after a crash finishes it: the file gets its name when all is in it.

    Raises:
        ApplianceError: there is no room, or the host cannot make one.
    """
    where, file = place(paths, enclave.name), image(paths, enclave.name)
    if not file.exists():
        if where.is_mount():
            return False
        _make(paths, enclave, file)
    enlarged = _enlarge(where, file, enclave.storage_bytes)
    return mount(paths, enclave.name) or enlarged


def mount(paths: HostPaths, name: str) -> bool:
    """Mount the file system of an enclave, if the appliance made it and it is not; True when it was not."""
    where, file = place(paths, name), image(paths, name)
    if not file.exists() or where.is_mount():
        return False
    where.mkdir(parents=True, exist_ok=True)
    moved = file.with_suffix(MOVED)
    if moved.exists():
        shutil.rmtree(where)
        where.mkdir()
        moved.unlink()
    if any(where.iterdir()):
        raise ApplianceError(
            f"{where}: there are files that are not in the enclave's file system {file}",
            rule=RULE,
            remedy="an earlier release may have run without it since a boot: see what they are and move them elsewhere",
        )
    _run(["mount", "-t", "ext4", "-o", OPTIONS, str(file), str(where)])
    _direct(file)
    where.chmod(0o711)
    return True


def mount_all(paths: HostPaths) -> bool:
    """Mount every file system that was made, as after a boot; True when one was not mounted."""
    mounted = [mount(paths, file.stem) for file in sorted((paths.root / FOLDER).glob("*.ext4"))]
    return any(mounted)


def needs_rest(paths: HostPaths, enclave: Enclave) -> bool:
    """Whether nothing of an enclave may run while :func:`ensure` works: its data move, or its file system grows."""
    where, file = place(paths, enclave.name), image(paths, enclave.name)
    if file.exists():
        return file.stat().st_size < enclave.storage_bytes
    return not where.is_mount() and where.is_dir() and any(where.iterdir())


def remove(paths: HostPaths, name: str) -> None:
    """Unmount and delete the file system of an enclave, with all that is in it."""
    if place(paths, name).is_mount():
        subprocess.run(["umount", "--lazy", str(place(paths, name))], check=False)
    image(paths, name).unlink(missing_ok=True)


def findings(paths: HostPaths, site: Site) -> list[HostDifference]:
    """Enclaves without a file system of their own."""
    return [
        HostDifference(
            f"storage of enclave {enclave.name}", "a file system of its own", "none", "none fills another's disk"
        )
        for enclave in site.enclaves
        if not place(paths, enclave.name).is_mount()
    ]


def _make(paths: HostPaths, enclave: Enclave, file: Path) -> None:
    """Make the file with a file system, and move in what lies at its place."""
    where, part, aside = place(paths, enclave.name), file.with_suffix(".part"), file.with_suffix(".mnt")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if aside.is_mount():
        _run(["umount", str(aside)])
    for left in (part, file.with_suffix(MOVED)):
        left.unlink(missing_ok=True)
    try:
        _run(["fallocate", "--length", str(enclave.storage_bytes), str(part)])
        part.chmod(0o600)
        _run(["mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", str(part)])
        if where.is_dir() and any(where.iterdir()):
            aside.mkdir(exist_ok=True)
            _run(["mount", "-t", "ext4", "-o", OPTIONS, str(part), str(aside)])
            _run(["cp", "--archive", f"{where}/.", str(aside)])
            _run(["umount", str(aside)])
            file.with_suffix(MOVED).touch()
    except ApplianceError:
        if aside.is_mount():
            subprocess.run(["umount", str(aside)], check=False)
        part.unlink(missing_ok=True)
        raise
    sync(part)
    part.rename(file)
    sync(file.parent)


def _enlarge(where: Path, file: Path, size: int) -> bool:
    """Give a file system the size that was declared since; what is larger stays as it is.

    While it is not mounted: the kernel lets only CAP_SYS_RESOURCE enlarge one that is, and not every host has that.
    """
    if not file.exists() or file.stat().st_size >= size:
        return False
    if where.is_mount():
        _run(["umount", str(where)])
    subprocess.run(["e2fsck", "-f", "-p", str(file)], capture_output=True, check=False)
    _run(["fallocate", "--length", str(size), str(file)])
    _run(["resize2fs", str(file)])
    return True


def _device(file: Path) -> str:
    """The loop device of ``file``."""
    answer = subprocess.run(["losetup", "--associated", str(file)], capture_output=True, text=True, check=True)
    return answer.stdout.partition(":")[0]


def _direct(file: Path) -> None:
    """Write past the host's own cache where the disk allows it, so that what is written comes to the disk once."""
    subprocess.run(["losetup", "--direct-io=on", _device(file)], capture_output=True, check=False)


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ApplianceError(
            f"{command[0]}: {(result.stderr or result.stdout).strip()[-500:]}",
            rule=RULE,
            remedy="make room or correct what it says, then appliance host recover; or mount a file system of your own"
            " at the enclave's place before you install",
        )
