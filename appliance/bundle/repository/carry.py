"""Read a target once: hash it, and copy it in the same pass."""

import hashlib
import os
from pathlib import Path

from appliance.bundle.repository.hashing import BUFFER
from appliance.bundle.repository.held import HeldBundles
from appliance.errors import ApplianceError
from appliance.trust.files import open_regular
from appliance.trust.repository.metadata import Target

LONGEST = 200
"""Most characters of a name whose draft has all of it; a name has at most 255 bytes (ext4)."""


def draft_of(final: Path) -> Path:
    """Where a file lies while it arrives: a name of its own, also for long names that begin alike."""
    if len(final.name) <= LONGEST:
        return final.with_name(f".{final.name}.arriving")
    digest = hashlib.sha256(final.name.encode()).hexdigest()
    return final.with_name(f".{final.name[: LONGEST - 70]}.{digest}.arriving")


def hash_target(file: Path, target: Target) -> str:
    """What is wrong with the file of a target, or nothing."""
    try:
        source = open_regular(file, f"targets/{target.path}")
    except ApplianceError as error:
        return error.message
    try:
        return _pump(source, None, target)
    finally:
        os.close(source)


def stage_target(held: HeldBundles, bundle: Path, destination: Path, target: Target) -> str:
    """Bring a target to its place and say what is wrong with it, or nothing; what is there and right stays."""
    final = destination / "targets" / target.path
    if final.is_file() and not final.is_symlink() and not hash_target(final, target):
        return ""
    source = held.locate(bundle, target)
    if source == held.find(target.sha256) and not hash_target(source, target):
        final.unlink(missing_ok=True)
        try:
            final.hardlink_to(source)
        except OSError:
            return _copy(source, final, target)
        return ""
    return _copy(source, final, target)


def _copy(file: Path, final: Path, target: Target) -> str:
    """Copy a target and say what is wrong with it, or nothing; a wrong copy is removed."""
    draft = draft_of(final)
    try:
        source = open_regular(file, f"targets/{target.path}")
    except ApplianceError as error:
        final.unlink(missing_ok=True)
        return error.message
    try:
        draft.unlink(missing_ok=True)
        sink = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            finding = _pump(source, sink, target)
        finally:
            os.close(sink)
        if finding:
            final.unlink(missing_ok=True)
        else:
            draft.replace(final)
    finally:
        os.close(source)
        draft.unlink(missing_ok=True)
    return finding


def _pump(source: int, sink: int | None, target: Target) -> str:
    """Read exactly the signed length, hash it, and write it on if there is a ``sink``."""
    name = f"targets/{target.path}"
    size = os.fstat(source).st_size
    if size != target.length:
        return f"{name}: {size} bytes long, signed are {target.length}"
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(min(BUFFER, max(target.length, 1))))
    left = target.length
    while left:
        try:
            count = os.readv(source, [buffer[: min(len(buffer), left)]])
        except OSError as error:
            return f"{name}: cannot be read to its end: {error.strerror}"
        if count == 0:
            return f"{name}: ends {left} bytes early"
        part = buffer[:count]
        digest.update(part)
        while sink is not None and part:
            part = part[os.write(sink, part) :]
        left -= count
    return "" if digest.hexdigest() == target.sha256 else f"{name}: its SHA-256 is not the one that was signed"
