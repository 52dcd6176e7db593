"""Cold copies of the enclaves' data, taken while nothing runs, and the way back to them.

``copies/<n>/<enclave>/<service>/`` is the data as generation ``n`` left it. Models and their certificates are not in
it: models are the bundle's, and a certificate is never taken back.
"""

import shutil
import subprocess
from pathlib import Path

from appliance.enclave.render import HostPaths
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

NOT_DATA = ("models",)


def volumes(paths: HostPaths) -> list[Path]:
    """The volumes of all services on this host."""
    found = (paths.root / "enclaves").glob("*/*")
    return sorted(path for path in found if path.is_dir() and path.name not in NOT_DATA)


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


def copy_volume(volume: Path, target: Path) -> None:
    """Copy one volume below ``target``, while nothing writes to it.

    Raises:
        ApplianceError: no room; ``target`` is gone then.
    """
    target.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        ["cp", "--archive", "--reflink=auto", str(volume), str(target)], capture_output=True, text=True, check=False
    )
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

    What is there now is set aside, after a roll-back as the copy of the generation that is left. Volumes move by
    renames, so that no room is needed, and repeating this after a crash finishes it.
    """
    if not _marker(paths).exists():
        return False
    number, *names = _marker(paths).read_text().split()
    source, aside = (paths.root / "copies" / name for name in names)
    for copy in sorted(source.glob("*/*")) if number == current.name else ():
        name = copy.relative_to(source)
        volume = paths.root / "enclaves" / name
        if volume.exists():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            volume.rename(aside / name)
        volume.parent.mkdir(parents=True, exist_ok=True)
        copy.rename(volume)
    if number == current.name:
        shutil.rmtree(source, ignore_errors=True)
    _marker(paths).unlink()
    return True


def is_restoring(paths: HostPaths) -> bool:
    """Whether a restoration was begun and not finished."""
    return _marker(paths).exists()


def _marker(paths: HostPaths) -> Path:
    """Exists while data are being restored: for which generation, from where, and where to set aside."""
    return paths.root / "restoring"
