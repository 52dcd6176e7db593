"""Read a target only when it is what was signed."""

import hashlib
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.trust.files import read_limited
from appliance.trust.repository.metadata import Target


def read_target(bundle: Path, target: Target, limit: int) -> bytes:
    """The bytes of a target, proven.

    Raises:
        ApplianceError: absent, longer than ``limit`` bytes, or not what was signed.
    """
    data = read_limited(bundle / "targets" / target.path, limit, f"targets/{target.path}")
    if hashlib.sha256(data).hexdigest() != target.sha256:
        raise ApplianceError(
            f"{bundle}/targets/{target.path}: its SHA-256 is not the one that was signed",
            rule="only proven files are read",
            remedy="see `appliance bundle verify`",
        )
    return data
