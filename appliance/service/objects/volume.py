"""Files on the service's volume: a folder for each object, a file for each part, all of them encrypted.

A part is ``nonce || AES-256-GCM(plaintext)`` (NIST SP 800-38D) with a random nonce of 96 bits, under the key of its
object; the object and the part's number are authenticated, so that no part stands in another's place.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.errors import ApplianceError
from appliance.trust.files import sync

PART = 2 << 20
"""Bytes of each part but the last: the gateway takes bodies of 4 MiB."""
NONCE = 12
FLOOR = 64 << 20
"""Bytes that stay free on the volume."""


@dataclass(frozen=True)
class Content:
    """An object's bytes, decrypted as they are read.

    Attributes:
        folder: its folder on the volume.
        object: its identifier.
        key: of 32 bytes.
        size: in bytes.
    """

    folder: Path
    object: UUID
    key: bytes
    size: int

    def part(self, number: int) -> bytes:
        """One part.

        Raises:
            ApplianceError: it is not there, or not what was written.
        """
        try:
            data = (self.folder / str(number)).read_bytes()
            return AESGCM(self.key).decrypt(data[:NONCE], data[NONCE:], _name(self.object, number))
        except (OSError, InvalidTag, ValueError) as error:
            raise ApplianceError(
                f"part {number} of the file is damaged", rule="each part is authenticated (NIST SP 800-38D)",
                remedy="the administrator restores the volume from a backup, or the file is uploaded again",
            ) from error  # fmt: skip

    def parts(self) -> Iterator[bytes]:
        """All parts in order."""
        return (self.part(number) for number in range(parts_of(self.size)))

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``stop``, no more than a part at a time."""
        for number in range(start // PART, -(-min(stop, self.size) // PART)):
            first = number * PART
            yield self.part(number)[max(start - first, 0) : stop - first]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, wanted: slice) -> bytes:
        """As of ``bytes``, for a reader of headers."""
        start, stop, _ = wanted.indices(self.size)
        return b"".join(self.read(start, stop)) if start < stop else b""


class Volume:
    """The objects below one folder.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def content(self, identifier: UUID, key: bytes, size: int) -> Content:
        """The bytes of an object."""
        return Content(self._folder / identifier.hex, identifier, key, size)

    def room(self, size: int) -> bool:
        """Whether so many bytes fit, and something stays free."""
        self._folder.mkdir(exist_ok=True)
        return shutil.disk_usage(self._folder).free - size > FLOOR

    def write(self, identifier: UUID, key: bytes, number: int, data: bytes) -> None:
        """Keep a part, durably and whole."""
        nonce = os.urandom(NONCE)
        folder = self._folder / identifier.hex
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{number}.{nonce.hex()}"
        try:
            with temporary.open("wb") as file:
                file.write(nonce + AESGCM(key).encrypt(nonce, data, _name(identifier, number)))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(folder / str(number))
            sync(folder)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, identifier: UUID) -> None:
        """Remove an object's files."""
        shutil.rmtree(self._folder / identifier.hex, ignore_errors=True)

    def folders(self) -> list[UUID]:
        """The identifiers of all objects that have files."""
        if not self._folder.is_dir():
            return []
        return [UUID(path.name) for path in self._folder.iterdir() if path.is_dir() and len(path.name) == 32]


def parts_of(size: int) -> int:
    """How many parts so many bytes have."""
    return -(-size // PART)


def part_size(size: int, number: int) -> int:
    """Bytes of one part of an object of ``size``."""
    return min(PART, size - number * PART)


def _name(identifier: UUID, number: int) -> bytes:
    return identifier.bytes + number.to_bytes(4)
