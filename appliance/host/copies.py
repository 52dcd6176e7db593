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
        target = staging / volume.parent.name
        target.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            ["cp", "--archive", "--reflink=auto", str(volume), str(target)], capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            shutil.rmtree(staging, ignore_errors=True)
            raise ApplianceError(
                f"{final}: the data could not be copied: {result.stderr.strip()[-500:]}",
                rule="no cut-over to other images without a cold copy of the data",
                remedy="make room and install again",
            )
    subprocess.run(["sync", "--file-system", str(staging)], check=True)
    staging.rename(final)
    return final


def begin_restore(paths: HostPaths, generation: Path, leaving: Path) -> None:
    """Note durably, before the switch, that the data of ``generation`` are to be restored when it is current."""
    shutil.rmtree(copy_of(paths, leaving), ignore_errors=True)
    replace_file(_marker(paths), f"{generation.name} {leaving.name}".encode())


def finish_restore(paths: HostPaths, current: Path) -> bool:
    """Restore what a roll-back noted; True when there was something to do.

    What is there now is set aside as the copy of the generation that is left. Volumes move by renames, so that no room
    is needed, and repeating this after a crash finishes it.
    """
    if not _marker(paths).exists():
        return False
    number, leaving = _marker(paths).read_text().split()
    source, aside = (copy_of(paths, current.with_name(name)) for name in (number, leaving))
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
    """Exists while data are being restored: the generation whose data they are, and the one that is left."""
    return paths.root / "restoring"
