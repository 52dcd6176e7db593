"""Bring files into a bundle: read once, hashed on the way, written and on disk when the call returns."""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.bundle.repository.hashing import Hashed, Hasher

_BUFFER = 1 << 22


def copy(source: Path, target: Path) -> Hashed:
    """Copy one file; the digests are of the bytes that were written."""
    buffer = memoryview(bytearray(_BUFFER))
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        os.posix_fadvise(reader.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        hasher = Hasher(os.fstat(reader.fileno()).st_size)
        while count := reader.readinto(buffer):
            part = buffer[:count]
            hasher.update(part)
            while part:
                part = part[writer.write(part) :]
        os.fsync(writer.fileno())
    return hasher.result()


def write(content: bytes, target: Path) -> Hashed:
    """Write one small file."""
    with target.open("wb") as writer:
        writer.write(content)
        writer.flush()
        os.fsync(writer.fileno())
    return Hashed(len(content), hashlib.sha256(content).hexdigest())


def bring_all(
    files: Mapping[str, Path | bytes], folder: Path, on_bytes: Callable[[int], None] = lambda _: None
) -> dict[str, Hashed]:
    """Write ``files`` (path below ``folder`` -> content or file to copy), two at a time.

    Args:
        files: what to write.
        folder: made when missing.
        on_bytes: called with the length of each finished file.
    """
    for parent in {(folder / name).parent for name in files}:
        parent.mkdir(parents=True, exist_ok=True)

    def bring(name: str) -> tuple[str, Hashed]:
        content, target = files[name], folder / name
        target.unlink(missing_ok=True)  # a delta may share the old file
        written = write(content, target) if isinstance(content, bytes) else copy(content, target)
        target.chmod(0o644)
        on_bytes(written.length)
        return name, written

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(bring, sorted(files)))
