"""Cold copies of the enclaves' data, taken while nothing runs, and the way back to them.

``copies/<n>/<enclave>/<service>/`` is the data as generation ``n`` left it. Models and their certificates are not in
it: models are the bundle's, and a certificate is never taken back. Published pages are not: services make them again.
"""

import os
import shutil
import subprocess
from pathlib import Path

from appliance.enclave.paths import PUBLISHED, HostPaths
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

NOT_DATA = ("models", "lost+found", PUBLISHED)


def volumes(paths: HostPaths) -> list[Path]:
    """The volumes of all services on this host."""
    found = (paths.root / "enclaves").glob("*/*")
    return sorted(path for path in found if path.is_dir() and path.name not in NOT_DATA and path.name[0] != ".")


def copy_of(paths: HostPaths, generation: Path) -> Path:
    """Where the data lies as ``generation`` left it."""
    return paths.root / "copies" / generation.name


def take(paths: HostPaths, generation: Path) -> Path:
    """Copy every volume.

    Blocks are shared with the copy where the file system can (reflink); never by hard links, because PostgreSQL writes
    into its files.

    Args:
        paths: where.
        generation: the one that leaves the data as it is now.

    Raises:
        ApplianceError: no room; nothing of an incomplete copy stays.
    """
    final = copy_of(paths, generation)
    staging = final.with_name(".staging")
    for folder in (staging, final):
        shutil.rmtree(folder, ignore_errors=True)
    staging.mkdir(parents=True)
    final.parent.chmod(0o700)
    for volume in volumes(paths):
        copy_volume(volume, staging / volume.parent.name)
    subprocess.run(["sync", "--file-system", str(staging)], check=True)
    staging.rename(final)
    return final


def copy_volume(volume: Path, target: Path, *, without: str = "") -> None:
    """Copy one volume below ``target``, while nothing writes to it.

    Args:
        volume: the volume.
        target: folder in which the copy gets its name.
        without: name of a folder in the volume that is left out.

    Raises:
        ApplianceError: no room; ``target`` is gone then.
    """
    target.mkdir(parents=True, exist_ok=True)
    sources, into = [volume], target
    if without and (volume / without).is_dir():
        sources, into = [one for one in volume.iterdir() if one.name != without], target / volume.name
        into.mkdir()
        os.chown(into, volume.stat().st_uid, volume.stat().st_gid)
        shutil.copystat(volume, into)
    command = ["cp", "--archive", "--reflink=auto", f"--target-directory={into}", *map(str, sources)]
    result = subprocess.run(command if sources else ["true"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise ApplianceError(
            f"{volume}: the data could not be copied: {result.stderr.strip()[-500:]}",
            rule="no cut-over to other images and no backup without a cold copy of the data",
            remedy="make room and give the command again",
        )


def begin_restore(paths: HostPaths, generation: Path, leaving: Path) -> None:
    """Note durably, before the switch, that the data of ``generation`` are to be restored when it is current."""
    shutil.rmtree(copy_of(paths, leaving), ignore_errors=True)
    begin_exchange(paths, generation, generation.name, leaving.name)


def begin_exchange(paths: HostPaths, generation: Path, source: str, aside: str) -> None:
    """Note durably that the volumes in ``copies/<source>`` take their places when ``generation`` converges.

    What is there then is set aside in ``copies/<aside>``. Nothing may run on these volumes any more.
    """
    replace_file(_marker(paths), f"{generation.name} {source} {aside}".encode())


def finish_restore(paths: HostPaths, current: Path) -> bool:
    """Restore what a roll-back or a restored backup noted; True when there was something to do.

    What is there now is set aside, after a roll-back as the copy of the generation that is left. Repeating this after a
    crash finishes it: a volume or a copy has its name when it is whole.
    """
    if not _marker(paths).exists():
        return False
    number, *names = _marker(paths).read_text().split()
    source, aside = (paths.root / "copies" / name for name in names)
    for copy in sorted(source.glob("*/*")) if number == current.name else ():
        name = copy.relative_to(source)
        if not name.name.startswith("."):
            _exchange(paths.root / "enclaves" / name, copy, aside / name)
    if number == current.name:
        shutil.rmtree(source, ignore_errors=True)
    _marker(paths).unlink()
    return True


def _exchange(volume: Path, copy: Path, aside: Path) -> None:
    """Put ``copy`` in the place of ``volume``, which is set aside."""
    volume.parent.mkdir(parents=True, exist_ok=True)
    if volume.parent.stat().st_dev == copy.parent.stat().st_dev:
        if volume.exists():
            aside.parent.mkdir(parents=True, exist_ok=True)
            volume.rename(aside)
        copy.rename(volume)
        return
    # An enclave's file system is another than that of the copies: what cannot be renamed is copied, each part to a name
    # that does not count. The old volume goes before the new one comes, so that the enclave has room for it.
    if volume.exists() and not aside.exists():
        _copy(volume, aside)
    incoming = volume.with_name(f".{volume.name}")
    shutil.rmtree(volume, ignore_errors=True)
    _copy(copy, incoming)
    incoming.rename(volume)
    done = copy.with_name(f".{copy.name}")
    copy.rename(done)
    shutil.rmtree(done, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """A copy that has its name when it is whole and on the disk."""
    part = target.with_name(f".part-{target.name.removeprefix('.')}")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", str(source), str(part)], check=True)
    subprocess.run(["sync", "--file-system", str(part)], check=True)
    part.rename(target)


def is_restoring(paths: HostPaths) -> bool:
    """Whether a restoration was begun and not finished."""
    return _marker(paths).exists()


def _marker(paths: HostPaths) -> Path:
    """Exists while data are being restored: for which generation, from where, and where to set aside."""
    return paths.root / "restoring"
