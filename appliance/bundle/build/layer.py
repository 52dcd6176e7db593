"""Turn a folder into an OCI image layer whose bytes depend on its content alone.

An overlay's upper folder becomes a layer of the OCI image specification 1.1 ("Image Layer Filesystem Changeset"):
character devices 0/0 become `.wh.` files, opaque folders get `.wh..wh..opq`.
"""

import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from appliance.errors import ApplianceError

ZSTD_LEVEL = 3
_CHUNK = 1 << 20
_OPAQUE = "trusted.overlay.opaque"

# What an installation leaves behind that differs from host to host or from run to run, and what no image needs.
_UNWANTED = (
    "dev/*",
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/group-",
    "etc/gshadow-",
    "etc/hostname",
    "etc/machine-id",
    "etc/passwd-",
    "etc/resolv.conf",
    "etc/shadow-",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/subgid-",
    "etc/subuid-",
    "proc/*",
    "root/.cache",
    "run/*",
    "sys/*",
    "tmp/*",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale/*",
    "usr/share/man",
    "var/cache/*/*",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/available",
    "var/lib/dpkg/lock*",
    "var/lib/systemd/*",
    "var/lib/ucf/*.[0-9]",
    "var/log/*",
    "var/tmp/*",
)


@dataclass(frozen=True)
class Layer:
    """A finished layer: ``digest`` and ``size`` (bytes) of the compressed form, ``diff_id`` of the tar archive."""

    digest: str
    diff_id: str
    size: int


class _HashingWriter:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self._file.write(data)


def clean(root: Path) -> None:
    """Remove from ``root`` what no image may hold: host names, logs, caches, keys made at installation, manuals."""
    for pattern in _UNWANTED:
        for path in root.glob(pattern):
            _remove(path)
    for path in (root / "usr/share/doc").glob("*/*"):
        if path.name != "copyright":
            _remove(path)
    for link in (root / "etc/ssl/certs").glob("*"):
        if link.is_symlink() and str(link.readlink()).endswith("ssl-cert-snakeoil.pem"):
            link.unlink()


def leave_out(root: Path, patterns: list[str]) -> None:
    """Remove from ``root`` what a recipe says that its image does without.

    Args:
        root: the layer's own file system.
        patterns: absolute paths in the image, with wildcards.

    Raises:
        ApplianceError: a pattern fits nothing, as when a package has moved its files, or leads out of ``root``.
    """
    for pattern in patterns:
        found = list(root.glob(pattern.lstrip("/")))
        if not found:
            raise ApplianceError(
                f"without: nothing in this image fits {pattern}",
                rule="what an image leaves out is named exactly, so that it does not come back unseen",
                remedy="correct or remove the line in image.yml",
            )
        for path in found:
            if not path.parent.resolve().is_relative_to(root.resolve()):
                raise ApplianceError(f"without: {pattern} leads out of the image through a link")
            if os.path.lexists(path):  # a folder that was found before may have held it
                _remove(path)


def remove_bytecode(root: Path) -> None:
    """Remove every `__pycache__`; bytecode is compiled again in a fixed order."""
    for folder, names, _ in os.walk(root):
        if "__pycache__" in names:
            names.remove("__pycache__")
            shutil.rmtree(Path(folder, "__pycache__"))


def pack(root: Path, target: Path, epoch: int) -> Layer:
    """Write the layer of ``root`` to ``target``.

    Args:
        root: a whole root file system, or the upper folder of an overlay.
        target: the compressed layer; replaced.
        epoch: later modification times become this one, in seconds.

    Raises:
        ApplianceError: a file has a type that no layer can hold.
    """
    with target.open("wb") as file:
        compressed = _HashingWriter(file)
        with zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(compressed, closefd=False) as stream:  # type: ignore[arg-type]
            plain = _HashingWriter(stream)
            with tarfile.open(mode="w|", fileobj=plain, format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as archive:  # type: ignore[call-overload]
                seen: dict[tuple[int, int], str] = {}
                for path in _walk(root):
                    _add(archive, path, path.relative_to(root).as_posix(), epoch, seen)
    return Layer(compressed.sha256.hexdigest(), plain.sha256.hexdigest(), compressed.size)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        path = Path(entry.path)
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)


def _add(archive: tarfile.TarFile, path: Path, name: str, epoch: int, seen: dict[tuple[int, int], str]) -> None:
    status = path.lstat()
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(status.st_mode) & 0o1777  # no image has a use for setuid programs
    member.uid, member.gid = status.st_uid, status.st_gid
    member.mtime = min(int(status.st_mtime), epoch)
    identity = (status.st_dev, status.st_ino)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        member.name = f"{name.rpartition('/')[0]}/.wh.{path.name}".lstrip("/")
        member.mode, member.mtime = 0o600, epoch
    elif stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif stat.S_ISREG(status.st_mode) and identity in seen:
        member.type, member.linkname = tarfile.LNKTYPE, seen[identity]
    elif stat.S_ISREG(status.st_mode):
        member.size = status.st_size
        if status.st_nlink > 1:
            seen[identity] = name
        with path.open("rb") as content:
            archive.addfile(member, content)
        return
    else:
        raise ApplianceError(f"/{name} is neither file, folder nor link", rule="OCI image specification, layers")
    archive.addfile(member)
    if member.isdir() and _is_opaque(path):
        marker = tarfile.TarInfo(f"{name}/.wh..wh..opq")
        marker.mode, marker.mtime = 0o600, epoch
        archive.addfile(marker)


def _is_opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, _OPAQUE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
