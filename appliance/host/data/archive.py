"""Volumes of an enclave as one tar stream and back, owners counted from the enclave's first uid."""

import io
import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from appliance.errors import ApplianceError

HEAD = "backup.json"
MAXIMUM_HEAD = 1 << 16


def pack(source: Path, stream: IO[bytes], head: bytes, uids: range) -> None:
    """Write the files and folders below ``source`` as a tar stream that begins with ``head``.

    Args:
        source: its first level are the volumes.
        stream: to write to.
        head: content of the first member, ``backup.json``.
        uids: the host's uids of the enclave; the archive's owners count from the first.

    Raises:
        ApplianceError: something is owned by nobody of the enclave, or is neither file nor folder.
    """

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if not (member.isreg() or member.isdir()):
            raise ApplianceError(
                f"{source / member.name}: neither file nor folder",
                rule="a volume holds files and folders; a link could lead out of it when it is restored",
            )
        if member.uid not in uids or member.gid not in uids:
            raise ApplianceError(f"{source / member.name}: owned by {member.uid}:{member.gid}, nobody of the enclave")
        member.uid, member.gid = member.uid - uids.start, member.gid - uids.start
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        first = tarfile.TarInfo(HEAD)
        first.size = len(head)
        tar.addfile(first, io.BytesIO(head))
        for volume in sorted(source.iterdir()):
            tar.add(volume, volume.name, filter=owned)


def unpack(stream: IO[bytes], target: Path, first_uid: int) -> bytes:
    """Write the files and folders of a tar stream below the empty folder ``target``; returns its head.

    Raises:
        ApplianceError: a member would lie outside, is neither file nor folder, or has an owner outside of the enclave.
    """
    head = b""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for number, member in enumerate(tar):
                if number == 0:
                    head = _content(tar, member)
                else:
                    _write(tar, member, target, first_uid)
    except tarfile.TarError as error:
        raise ApplianceError(f"the archive is not a whole tar archive: {error}") from error
    return head


def through(write: Callable[[IO[bytes]], None], read: Callable[[IO[bytes]], None]) -> None:
    """Run ``write`` in a thread and ``read`` here, a pipe between them.

    Where both fail, the writer's error is raised: what it could not write is why the reader found no end. After a
    failure the reader drains the pipe, so that the writer comes to its own end.
    """
    problems: list[BaseException] = []
    reading, writing = os.pipe()

    def feed() -> None:
        try:
            with os.fdopen(writing, "wb") as stream:
                write(stream)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            problems.append(error)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as stream:
            try:
                read(stream)
            finally:
                while stream.read(1 << 20):
                    pass
    finally:
        thread.join()
        if problems:
            raise problems[0]


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.name == HEAD else None
    if file is None or member.size > MAXIMUM_HEAD:
        raise ApplianceError(f"the archive does not begin with {HEAD}", rule="a backup says first what it is of")
    return file.read()


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, first_uid: int) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise ApplianceError(f"the archive's member {member.name!r} would lie outside of the enclave")
    if not (0 <= member.uid < 65536 and 0 <= member.gid < 65536):
        raise ApplianceError(f"the archive's member {member.name!r} has an owner outside of the enclave")
    path = target / name
    if member.isdir():
        path.mkdir()
    elif member.isreg():
        with path.open("xb") as file:
            content = tar.extractfile(member)
            while content and (data := content.read(1 << 20)):
                file.write(data)
    else:
        raise ApplianceError(f"the archive's member {member.name!r} is neither file nor folder")
    os.chown(path, first_uid + member.uid, first_uid + member.gid)
    path.chmod(member.mode & 0o7777 & ~0o6000)
    os.utime(path, (member.mtime, member.mtime))
