"""Digests in records. What somebody could guess is recorded under a key, so that no digest tells what it is of.

A bare SHA-256 of a short text is as good as the text: whoever has the log tries what it may have been. A service asks
for a keyed digest with the prefix ``keyed:``; the monitor records in its place the HMAC-SHA-256 (RFC 2104) of the
SHA-256, under a key of the enclave that no service has. Who has the key, on the host, can still compare.
"""

import hashlib
import hmac
import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

PREFIX = "keyed:"
_KEYED = re.compile(r"keyed:sha256:([0-9a-f]{64})")


def plain(data: bytes) -> str:
    """The digest of what nobody needs to guess: a file of the bundle, an export."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def guessable(data: bytes) -> str:
    """The digest of what somebody could guess, for the monitor to key."""
    return f"{PREFIX}sha256:{hashlib.sha256(data).hexdigest()}"


def text(words: str) -> str:
    """The digest, for the monitor to key, of a text that a person wrote.

    Differences that a reader does not see do not count: the text is in Unicode's form NFC, without white space around.
    """
    return guessable(unicodedata.normalize("NFC", words).strip().encode(errors="surrogatepass"))


def recorded(digest: str, key: bytes) -> str:
    """What stands in the record for ``digest``: itself, unless it is to be keyed.

    Args:
        digest: as a service gave it.
        key: the enclave's 32 bytes.
    """
    found = _KEYED.fullmatch(digest)
    return f"hmac-sha256:{hmac.digest(key, bytes.fromhex(found[1]), 'sha256').hex()}" if found else digest


def _whole(digest: str) -> str:
    if digest.startswith(PREFIX) and not _KEYED.fullmatch(digest):
        raise ValueError("a digest to be keyed is keyed:sha256: and 64 hexadecimal digits")
    return digest


Given = Annotated[str, AfterValidator(_whole)]
"""A digest as a service gives it."""
