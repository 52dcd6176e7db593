"""Fingerprints: the lines on paper with which trust begins."""

import hashlib

from appliance.errors import ApplianceError


class FingerprintError(ApplianceError):
    """A file is not the one on paper."""


def fingerprint(data: bytes) -> str:
    """SHA-256 of the exact bytes of a file, 64 hexadecimal digits: what stands on paper."""
    return hashlib.sha256(data).hexdigest()


def in_groups(digits: str) -> str:
    """Digits in groups of four, which people can compare."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def digits_of(written: str) -> str:
    """The digits of a fingerprint as people write it: any case, blanks, colons, hyphens, ``sha256`` before."""
    return "".join(character for character in written.lower() if character not in " :\n-").removeprefix("sha256")


def check_fingerprint(data: bytes, expected: str, name: str) -> None:
    """Compare a file with its line on paper; blanks, colons and case in ``expected`` don't matter.

    Args:
        data: the file's bytes.
        expected: what the paper says.
        name: the file, for the error.

    Raises:
        FingerprintError: it is another file.
    """
    if digits_of(expected) != fingerprint(data):
        raise FingerprintError(
            f"{name}: its fingerprint is {fingerprint(data)}, not {expected}",
            rule="trust begins with the fingerprint on paper",
            remedy="compare the paper digit by digit; if it is right, this medium is not the one that was made for you",
        )
