"""The monitor's keys as all tests have them, and contexts sealed with them."""

import base64
import hashlib
import hmac
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract.context import Context, seal

SEED = bytes(range(32))
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC_KEY = SIGNING_KEY.public_key()
ADMISSION_KEY = b"a" * 32
GRANT_KEY = b"g" * 32
DIGEST_KEY = b"d" * 32


def sealed(context: Context) -> str:
    """``context`` as the monitor seals it."""
    return seal(context, SIGNING_KEY, ADMISSION_KEY)


def sealed_as_0_1_0(context: Context, key: bytes) -> str:
    """``context`` in the form of version 0.1.0, with the key that its service had."""
    fields = context.model_dump_json(exclude={"model", "purpose"})
    body = f"v1.{base64.urlsafe_b64encode(fields.encode()).decode()}"
    return f"{body}.{hmac.new(key, body.encode(), hashlib.sha256).hexdigest()}"


def give_keys(secrets: Path) -> None:
    """What a service, and the migration of its database, find in their folders of keys."""
    (secrets / "monitor.pub").write_bytes(PUBLIC_KEY.public_bytes_raw())
    (secrets / "admission.key").write_bytes(ADMISSION_KEY)
