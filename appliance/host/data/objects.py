"""Objects of services in backups: each part once, by its digest, copied while the enclave runs.

A part (``<service>/objects/<object>/<number>``) is ciphertext whose key is in the database, and it does not change once
its upload is over. It lies on the medium as ``objects/<2 digits>/<SHA-256>``, whatever backup needs it. The containers
that write the volume run meanwhile, so nothing here follows a link in it.
"""

import errno
import fcntl
import hashlib
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from appliance.errors import ApplianceError
from appliance.trust.files import FileRefusedError, read_limited, replace_file

FOLDER = "objects"
"""In a service's volume, and on the medium."""
LIST = "objects.jsonl"
"""In an archive: where each part belongs."""
LARGEST = 4 << 20
"""Most bytes of a part (``appliance.service.objects``: 2 MiB, nonce and tag)."""
BATCH = 128 << 20
"""Bytes that are written before they are made durable and read back."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_OBJECT = re.compile(r"[0-9a-f]{32}")
_PATH = re.compile(r"[a-z][a-z0-9-]{0,62}/objects/[0-9a-f]{32}/[0-9]{1,9}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@checked(frozen=True)
class Part:
    """A part in a volume.

    Attributes:
        path: below the enclave's folder.
        sha256: of its bytes.
        size: in bytes.
        owner: the user inside the containers.
        mode: its permissions.
        seen: inode, times of change in ns: what is the same was not written since.
    """

    path: str
    sha256: str
    size: int
    owner: int
    mode: int
    seen: tuple[int, int, int]


_LINE: TypeAdapter[Part] = TypeAdapter(Part)


class Store:
    """Parts by their digest on a medium.

    Args:
        folder: ``objects`` beside the backups; made with the first part.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending: dict[str, Path] = {}
        self._bytes = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Have the store alone: what one command writes, no other deletes.

        Raises:
            ApplianceError: another command has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise ApplianceError(
                f"{self.folder}: another command writes or deletes there", rule="one at a time", remedy="wait for it"
            ) from error
        finally:
            os.close(lock)

    def place(self, digest: str) -> Path:
        """Where a part lies."""
        return self.folder / digest[:2] / digest

    def holds(self, digest: str, size: int) -> bool:
        """Whether a part of that size is here under this digest, written whole once."""
        try:
            found = self.place(digest).lstat()
        except FileNotFoundError:
            return digest in self._pending
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def read(self, digest: str) -> bytes:
        """A part.

        Raises:
            ApplianceError: it is not there, or not what its name says.
        """
        data = read_limited(self.place(digest), LARGEST)
        if hashlib.sha256(data).hexdigest() != digest:
            raise _damaged(self.place(digest))
        return data

    def add(self, digest: str, data: bytes) -> None:
        """Write a part; it has its name after :meth:`flush`.

        Raises:
            ApplianceError: the medium is full or damaged.
        """
        final = self.place(digest)
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(data)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _no_room(final, error) from error
        self._pending[digest] = part
        self._bytes += len(data)
        if self._bytes >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Make durable what was written, and read it back from the medium.

        Raises:
            ApplianceError: the medium does not hold it.
        """
        if not self._pending:
            return
        _sync(self.folder)
        for digest, part in self._pending.items():
            if _digest_on_medium(part) != digest:
                raise _damaged(part)
            part.replace(self.place(digest))
        _sync(self.folder)
        self._pending.clear()
        self._bytes = 0

    def digests(self) -> Iterator[Path]:
        """The files of all parts, and what an interruption left of some."""
        return (one for one in self.folder.glob("[0-9a-f][0-9a-f]/*") if one.is_file())


@dataclass
class Copied:
    """What a pass over the volumes copied: parts and bytes that the medium did not have."""

    parts: int = 0
    bytes: int = 0


@dataclass
class Parts:
    """The parts in the volumes of one enclave, as far as they were looked at.

    Attributes:
        enclave: its folder.
        uids: the host's uids of the enclave.
        memory: file in which the digests are kept from one backup to the next.
        found: by path.
    """

    enclave: Path
    uids: range
    memory: Path
    found: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.memory.exists():
            self.found = {part.path: part for part in read_list(self.memory.read_bytes(), str(self.memory))}

    def are_there(self) -> bool:
        """Whether a service of the enclave keeps objects."""
        return any((volume / FOLDER).is_dir() for volume in self.enclave.iterdir()) if self.enclave.is_dir() else False

    def copy(self, store: Store) -> Copied:
        """Copy to ``store`` what it lacks; only parts that changed since they were looked at last are read.

        Raises:
            ApplianceError: a part has an owner outside of the enclave or is too long, or the medium takes no more.
        """
        copied, there = Copied(), {}
        for path, folder, name in _files(self.enclave):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except FileNotFoundError:
                continue  # erased since the folder was read
            except OSError as error:
                raise _no_part(self.enclave / path, error.strerror) from error
            with os.fdopen(descriptor, "rb") as file:
                part = self._part(path, file.fileno())
                known = self.found.get(path)
                if known and known.seen == part.seen and store.holds(known.sha256, known.size):
                    there[path] = known
                    continue
                data = file.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise _no_part(self.enclave / path, f"longer than {LARGEST} bytes")
            digest = hashlib.sha256(data).hexdigest()
            there[path] = Part(path, digest, len(data), part.owner, part.mode, part.seen)
            if not store.holds(digest, len(data)):
                store.add(digest, data)
                copied.parts += 1
                copied.bytes += len(data)
        store.flush()
        self.found = there
        return copied

    def _part(self, path: str, descriptor: int) -> Part:
        """What the file system says of a part that is open."""
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _no_part(self.enclave / path, "not a regular file")
        if found.st_uid not in self.uids:
            raise _no_part(self.enclave / path, f"owned by {found.st_uid}, nobody of the enclave")
        seen = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        return Part(path, "", found.st_size, found.st_uid - self.uids.start, stat.S_IMODE(found.st_mode), seen)

    def remember(self) -> None:
        """Keep what was found for the next backup; without it, everything is read again."""
        replace_file(self.memory, self.lines(), mode=0o600)

    def lines(self) -> bytes:
        """The list for an archive: a line of JSON each, in order."""
        parts = (self.found[path] for path in sorted(self.found))
        return b"".join(_LINE.dump_json(part) + b"\n" for part in parts)

    def blobs(self) -> bytes:
        """The digests with their sizes, a line each, in order: what a backup needs of the store."""
        return "".join(f"{digest} {size}\n" for digest, size in sorted(self._sizes().items())).encode()

    @property
    def bytes(self) -> int:
        """Of all parts."""
        return sum(part.size for part in self.found.values())

    def _sizes(self) -> dict[str, int]:
        return {part.sha256: part.size for part in self.found.values()}


def put_back(unpacked: Path, stores: list[Store], first_uid: int) -> int:
    """Write the parts that an unpacked archive lists to their places in it; returns how many.

    Args:
        unpacked: the enclave's folder, unpacked from its archive; its list goes.
        stores: where parts lie, on one medium or several.
        first_uid: the host's uid of the enclave's first user.

    Raises:
        ApplianceError: a part is on none of the media, or damaged.
    """
    file = unpacked / LIST
    if not file.exists():
        return 0
    parts = read_list(file.read_bytes(), LIST)
    file.unlink()
    for part in parts:
        target, owner = unpacked / part.path, first_uid + part.owner
        for folder in (target.parent.parent, target.parent):
            if not folder.exists():
                folder.mkdir(parents=True)
                os.chown(folder, owner, owner)
        target.write_bytes(_found(part, stores))
        os.chown(target, owner, owner)
        target.chmod(part.mode & 0o666)
    return len(parts)


def _found(part: Part, stores: list[Store]) -> bytes:
    for store in stores:
        if os.path.lexists(store.place(part.sha256)):
            return store.read(part.sha256)
    raise ApplianceError(
        f"{part.path}: {part.sha256} is on none of the media that were named",
        rule="a backup is restored whole or not at all",
        remedy="name the media of the backups before it too: --objects FOLDER",
    )


def read_list(data: bytes, name: str) -> list[Part]:
    """The parts of a list.

    Raises:
        ApplianceError: a line is none, or names a path that no part has.
    """
    try:
        parts = [_LINE.validate_json(line) for line in data.splitlines()]
    except ValidationError as error:
        raise ApplianceError(f"{name}: {error}", rule="a line for each part of an object") from error
    for part in parts:
        if not _PATH.fullmatch(part.path) or not _DIGEST.fullmatch(part.sha256) or not 0 <= part.owner < 65536:
            raise ApplianceError(f"{name}: {part.path!r} is no part of an object", rule="parts go back to their places")
    return parts


def read_blobs(data: bytes, name: str) -> dict[str, int]:
    """The sizes of the parts that a backup needs, by digest.

    Raises:
        ApplianceError: a line is none.
    """
    found = {}
    for line in data.decode("ascii", "replace").splitlines():
        digest, _, size = line.partition(" ")
        if not _DIGEST.fullmatch(digest) or not _NUMBER.fullmatch(size):
            raise ApplianceError(f"{name}: {line[:80]!r} is no digest with a size", rule="a line for each part")
        found[digest] = int(size)
    return found


def missing(needed: dict[str, int], stores: Iterable[Store]) -> list[str]:
    """The digests that no store holds in their size; nothing is read."""
    stores = list(stores)
    return [digest for digest, size in needed.items() if not any(store.holds(digest, size) for store in stores)]


def damaged(needed: dict[str, int], stores: Iterable[Store]) -> list[str]:
    """The digests whose part is on no medium as its name says; each is read."""
    stores = list(stores)

    def whole(digest: str) -> bool:
        for store in stores:
            try:
                if _digest_on_medium(store.place(digest)) == digest:
                    return True
            except (OSError, FileRefusedError):
                continue
        return False

    return [digest for digest in needed if not whole(digest)]


def _files(enclave: Path) -> Iterator[tuple[str, int, str]]:
    """Path, folder's descriptor and name of each part; folders are entered by their own descriptors."""
    for volume in sorted(enclave.iterdir()) if enclave.is_dir() else ():
        if not (volume / FOLDER).is_dir():
            continue
        for top, folders, names, descriptor in os.fwalk(volume / FOLDER, follow_symlinks=False):
            depth = Path(top).relative_to(volume / FOLDER).parts
            folders[:] = sorted(name for name in folders if not depth and _OBJECT.fullmatch(name))
            for name in sorted(names, key=lambda one: (len(one), one)) if len(depth) == 1 else ():
                if _NUMBER.fullmatch(name):
                    yield f"{volume.name}/{FOLDER}/{depth[0]}/{name}", descriptor, name


def _digest_on_medium(file: Path) -> str:
    """SHA-256 of a file as it lies on its medium, past what the kernel keeps of it in memory."""
    with file.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    subprocess.run(["sync", "--file-system", str(folder)], check=True)


def _damaged(file: Path) -> ApplianceError:
    return ApplianceError(
        f"{file}: the medium does not hold what was written there",
        rule="what is backed up is read back from the medium",
        remedy="use another medium",
    )


def _no_part(file: Path, why: str | None) -> ApplianceError:
    return ApplianceError(
        f"{file}: is no part of an object: {why}",
        rule="objects of a service are plain files of its own, at most 4 MiB a part",
        remedy="somebody may have taken the service over: tell the officers",
    )


def _no_room(file: Path, error: OSError) -> ApplianceError:
    why = "the medium is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"{error.strerror}"
    return ApplianceError(
        f"{file}: {why}",
        rule="a backup is whole on its media or not there",
        remedy="free room there (appliance enclave prune-backups), or name another medium",
    )
