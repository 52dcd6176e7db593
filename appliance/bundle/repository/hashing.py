"""Hash many files at once: hashlib releases the interpreter's lock, so threads read and hash side by side."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from appliance.trust.files import open_regular, replace_file

BUFFER = 1 << 20
CHUNK = 1 << 30
WORKERS = min(8, max(2, os.cpu_count() or 2))

Progress = Callable[[str, int], None]


class HashCache:
    """A builder's record of digests, so that a file whose size, time and inode did not change is not read again.

    Only for files that this machine made itself; a verifier never uses it.

    Args:
        path: the record's file, or None to remember nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, list[object]] = {}
        if path and path.is_file():
            self._known = json.loads(path.read_bytes())

    def get(self, path: Path) -> str | None:
        """The recorded digest of an unchanged file."""
        entry = self._known.get(str(path))
        return str(entry[3]) if entry and entry[:3] == _identity(path) else None

    def chunks(self, path: Path) -> tuple[str, ...]:
        """The recorded digests of a large file's chunks; empty when they are not known."""
        return tuple(map(str, self._known[str(path)][4:])) if self.get(path) else ()

    def put(self, path: Path, sha256: str, chunks: Sequence[str] = ()) -> None:
        """Record a digest, and those of the chunks when they are known too."""
        self._known[str(path)] = [*_identity(path), sha256, *chunks]

    def save(self) -> None:
        """Write the record."""
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._known).encode())


@dataclass(frozen=True)
class Hashed:
    """Length in bytes and SHA-256 of a file, and of each chunk when it is longer than one."""

    length: int
    sha256: str
    chunks: tuple[str, ...] = ()


class Hasher:
    """SHA-256 of what passes by, whole and of each chunk, so that a large file is read once.

    Args:
        length: bytes that are expected; chunks are hashed only when they are more than one chunk.
    """

    def __init__(self, length: int) -> None:
        self._whole, self._part = hashlib.sha256(), hashlib.sha256()
        self._large, self._length = length > CHUNK, 0
        self._chunks: list[str] = []

    def update(self, data: memoryview) -> None:
        """Take the next bytes."""
        self._whole.update(data)
        if not self._large:
            self._length += len(data)
        while self._large and data:
            head = data[: CHUNK - self._length % CHUNK]
            self._part.update(head)
            self._length += len(head)
            data = data[len(head) :]
            if self._length % CHUNK == 0:
                self._end_chunk()

    def result(self) -> Hashed:
        """What passed by; nothing may follow."""
        if self._large and self._length % CHUNK:
            self._end_chunk()
        return Hashed(self._length, self._whole.hexdigest(), tuple(self._chunks))

    def _end_chunk(self) -> None:
        self._chunks.append(self._part.hexdigest())
        self._part = hashlib.sha256()


def hash_file(path: Path) -> Hashed:
    """Hash a regular file.

    Raises:
        ApplianceError: missing, a symbolic link, or not a regular file.
    """
    buffer = memoryview(bytearray(BUFFER))
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        hasher = Hasher(os.fstat(file.fileno()).st_size)
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
    return hasher.result()


def hash_files(
    folder: Path, paths: Sequence[str], cache: HashCache, on_target: Progress | None = None
) -> dict[str, Hashed]:
    """Hash files below ``folder``.

    Args:
        folder: where.
        paths: relative paths.
        cache: digests that are known already.
        on_target: called with path and length of each file as it is done.
    """

    def one(path: str) -> Hashed:
        known, length = cache.get(folder / path), (folder / path).stat().st_size
        chunks = cache.chunks(folder / path)
        if known and (chunks or length <= CHUNK):
            return Hashed(length, known, chunks)
        return hash_file(folder / path)

    result = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = {pool.submit(one, path): path for path in paths}
        for job in as_completed(jobs):
            path = jobs[job]
            result[path] = job.result()
            cache.put(folder / path, result[path].sha256, result[path].chunks)
            if on_target:
                on_target(path, result[path].length)
    return result


def _identity(path: Path) -> list[object]:
    status = path.lstat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
