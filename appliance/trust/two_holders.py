"""A key for one archive, which any two of its holders open together and none of them alone.

The archive is encrypted to a fresh X25519 key in the age format. Its private half is encrypted, for each pair of
holders, to one of them and the result to the other: ordinary age files, one inside the other, and no secret sharing of
our own.
"""

import base64
import binascii
from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Any

import pyrage
from pydantic import BaseModel, ConfigDict, Field

from appliance.trust.age import RULE, AgeError

FEWEST, MOST = 2, 8


class Share(BaseModel):
    """The private half for one pair of holders.

    Attributes:
        holders: their recipients (``age1...``); the first opens the outer file, the second the one inside.
        sealed: the outer file in base64.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    holders: tuple[str, str]
    sealed: Annotated[str, Field(max_length=4096)]


def make(recipients: Sequence[str]) -> tuple[str, tuple[Share, ...]]:
    """Make a key; returns the recipient to encrypt the archive to, and a share for each pair of holders.

    Raises:
        AgeError: fewer than two holders, more than eight, or one stands twice.
    """
    if len(set(recipients)) != len(recipients) or not FEWEST <= len(recipients) <= MOST:
        raise AgeError(
            f"{len(recipients)} recipients are named, {len(set(recipients))} of them different",
            rule=f"the keys of a host open with two of its {FEWEST} to {MOST} holders",
            remedy="write a line of `appliance enclave backup-key` for each of two officers or more",
        )
    identity = pyrage.x25519.Identity.generate()
    private = str(identity).encode()
    shares = []
    for outer, inner in combinations(recipients, 2):
        once = pyrage.encrypt(private, [pyrage.x25519.Recipient.from_str(inner)])
        twice = pyrage.encrypt(once, [pyrage.x25519.Recipient.from_str(outer)])
        shares.append(Share(holders=(outer, inner), sealed=base64.b64encode(twice).decode()))
    return str(identity.to_public()), tuple(shares)


def open_key(shares: Sequence[Share], identities: Sequence[Any], name: str) -> Any:
    """The private half, opened by the keys of two holders.

    Args:
        shares: of the archive.
        identities: the private keys that are at hand.
        name: of the archive, for the error.

    Raises:
        AgeError: no two of them are a pair of its holders, or a share was changed.
    """
    known = {str(identity.to_public()): identity for identity in identities}
    for share in shares:
        if set(share.holders) <= set(known):
            outer, inner = (known[holder] for holder in share.holders)
            try:
                once = pyrage.decrypt(base64.b64decode(share.sealed, validate=True), [outer])
                return pyrage.x25519.Identity.from_str(pyrage.decrypt(once, [inner]).decode())
            except (pyrage.DecryptError, pyrage.IdentityError, binascii.Error, UnicodeDecodeError) as error:
                raise AgeError(f"{name}: its key was changed: {error}", rule=RULE) from error
    raise AgeError(
        f"{name}: does not open with the keys of {len(known)} of its holders",
        rule="the keys of a host open with two of its holders together",
        remedy="give --key for two different holders of this archive",
    )
