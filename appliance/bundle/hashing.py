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


def hash_file(path: Path) -> Hashed:
    """Hash a regular file.

    Raises:
        ApplianceError: missing, a symbolic link, or not a regular file.
    """
    whole, part, length = hashlib.sha256(), hashlib.sha256(), 0
    chunks: list[str] = []
    buffer = memoryview(bytearray(BUFFER))
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        large = os.fstat(file.fileno()).st_size > CHUNK
        while count := file.readinto(buffer[: min(BUFFER, CHUNK - length % CHUNK)]):
            whole.update(buffer[:count])
            length += count
            if large:
                part.update(buffer[:count])
                if length % CHUNK == 0:
                    chunks.append(part.hexdigest())
                    part = hashlib.sha256()
    if large and length % CHUNK:
        chunks.append(part.hexdigest())
    return Hashed(length, whole.hexdigest(), tuple(chunks))


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
