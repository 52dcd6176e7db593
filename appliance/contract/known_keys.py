"""The monitor's public keys that count: one, and while it is replaced the one before too."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from appliance.errors import ApplianceError

LENGTH = 32
MAXIMUM = 2


class KnownKeys:
    """Verifies a signature of any of the keys in a file of raw Ed25519 keys, 32 bytes each, one after the other.

    The file is looked at for each signature, so that a key counts from when it is written there, and no longer than
    it stands there.

    Args:
        file: the keys.

    Raises:
        ApplianceError: it is missing, or has another length.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = (0, 0, 0)
        self._keys: tuple[Ed25519PublicKey, ...] = ()
        self._look()

    def verify(self, signature: bytes, data: bytes) -> None:
        """Verify that one of the keys made ``signature`` over ``data``.

        Raises:
            InvalidSignature: none of them did.
            ApplianceError: the keys cannot be read any more.
        """
        self._look()
        for key in self._keys:
            try:
                return key.verify(signature, data)
            except InvalidSignature:
                continue
        raise InvalidSignature

    def _look(self) -> None:
        try:
            state = self._file.stat()
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                self._keys, self._seen = read_keys(self._file.read_bytes(), str(self._file)), seen
        except OSError as error:
            raise ApplianceError(
                f"{self._file}: cannot be read: {error.strerror}",
                rule="a service needs the key by which it knows contexts",
            ) from error


def read_keys(data: bytes, name: str) -> tuple[Ed25519PublicKey, ...]:
    """The keys in ``data``.

    Raises:
        ApplianceError: it holds no key, part of one, or more than two.
    """
    if len(data) not in {LENGTH * count for count in range(1, MAXIMUM + 1)}:
        raise ApplianceError(
            f"{name}: has {len(data)} bytes", rule="the keys of contexts are 32 raw bytes, and at most two count"
        )
    return tuple(Ed25519PublicKey.from_public_bytes(data[at : at + LENGTH]) for at in range(0, len(data), LENGTH))
