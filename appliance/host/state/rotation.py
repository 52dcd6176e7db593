"""The files of a rotation of keys: made whole, put in the place of the old ones, which are dropped after a while.

``secrets/next/`` has the new keys, whole when it has its name. ``secrets/previous/`` has the old ones while both count.
Each function can be repeated after a kill and goes on; the keys in force are there at every moment.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.enclave.paths import HostPaths
from appliance.trust.files import replace_file, sync

NEXT, PREVIOUS, AT_ONCE = "next", "previous", "at-once"
OVERLAP_SECONDS = 90.0
"""How long both keys count: longer than a context holds, shorter than the database takes the one before."""


def previous(paths: HostPaths) -> Path:
    """Folder of the keys before, while they count."""
    return paths.root / "secrets" / PREVIOUS


def begin(paths: HostPaths, names: Iterable[str], *, at_once: bool) -> None:
    """Make new keys of 32 bytes beside those in force, which nothing uses yet.

    Args:
        paths: where.
        names: file names of the keys in ``secrets/`` that are replaced.
        at_once: the old keys do not count from the moment that the new ones do.
    """
    final = paths.root / "secrets" / NEXT
    staging = final.with_name(f".{NEXT}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    for name in names:
        _write(staging / name, secrets.token_bytes(32))
    if at_once:
        _write(staging / AT_ONCE, b"")
    sync(staging)
    staging.rename(final)
    sync(final.parent)


def advance(paths: HostPaths) -> bool:
    """Put the new keys in the place of the old ones; True when there were any."""
    folder, before = paths.root / "secrets" / NEXT, previous(paths)
    if not folder.is_dir():
        return False
    at_once = (folder / AT_ONCE).exists()
    before.mkdir(mode=0o700, exist_ok=True)
    names = sorted(file.name for file in folder.iterdir() if file.name != AT_ONCE)
    for name in names:
        if not (before / name).exists():
            _keep(before / name, (folder.parent / name).read_bytes())
    if (folder / paths.signing_key.name).exists():
        new, old = _public(folder / paths.signing_key.name), _public(before / paths.signing_key.name)
        _keep(paths.context_keys, new if at_once else new + old)
    for name in names:
        (folder / name).replace(folder.parent / name)
    sync(folder.parent)
    if at_once:
        shutil.rmtree(before)
    else:
        os.utime(before)
    shutil.rmtree(folder)
    return True


def finish(paths: HostPaths, *, now: float | None = None) -> bool:
    """Drop the keys before, once they have counted long enough; True when they were.

    Args:
        paths: where.
        now: seconds since the epoch; the host's clock when not given.
    """
    before = previous(paths)
    if not before.is_dir():
        return False
    age = (time.time() if now is None else now) - before.stat().st_mtime
    if 0 <= age < OVERLAP_SECONDS:
        return False
    _keep(paths.context_keys, _public(paths.signing_key))
    shutil.rmtree(before)
    return True


def is_unfinished(paths: HostPaths) -> bool:
    """Whether new keys wait to be used, or old ones still count."""
    return (paths.root / "secrets" / NEXT).is_dir() or previous(paths).is_dir()


def _public(file: Path) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes()).public_key().public_bytes_raw()


def _keep(file: Path, data: bytes) -> None:
    """Write a file that only root reads, as everything in ``secrets/`` is."""
    replace_file(file, data)
    file.chmod(0o600)


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
