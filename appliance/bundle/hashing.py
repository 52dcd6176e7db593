"""Hash many files at once: hashlib releases the interpreter's lock, so threads read and hash side by side."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from appliance.trust.files import open_regular, replace_file

BUFFER = 1 << 20
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
        return str(entry[-1]) if entry and entry[:-1] == _identity(path) else None

    def put(self, path: Path, sha256: str) -> None:
        """Record a digest."""
        self._known[str(path)] = [*_identity(path), sha256]

    def save(self) -> None:
        """Write the record."""
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._known).encode())


def hash_file(path: Path) -> tuple[int, str]:
    """Length and SHA-256 (hexadecimal) of a regular file.

    Raises:
        ApplianceError: missing, a symbolic link, or not a regular file.
    """
    digest, length = hashlib.sha256(), 0
    buffer = memoryview(bytearray(BUFFER))
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            length += count
    return length, digest.hexdigest()


def hash_files(
    folder: Path, paths: Sequence[str], cache: HashCache, on_target: Progress | None = None
) -> dict[str, tuple[int, str]]:
    """Length and SHA-256 of files below ``folder``.

    Args:
        folder: where.
        paths: relative paths.
        cache: digests that are known already.
        on_target: called with path and length of each file as it is done.
    """

    def one(path: str) -> tuple[int, str]:
        known = cache.get(folder / path)
        if known:
            return (folder / path).stat().st_size, known
        return hash_file(folder / path)

    result = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = {pool.submit(one, path): path for path in paths}
        for job in as_completed(jobs):
            path = jobs[job]
            result[path] = job.result()
            cache.put(folder / path, result[path][1])
            if on_target:
                on_target(path, result[path][0])
    return result


def _identity(path: Path) -> list[object]:
    status = path.lstat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
