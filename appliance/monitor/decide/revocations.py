"""What officers signed can be withdrawn by officers: a statement names kind, subject and payload digest of it.

The digest is of the payload, because an envelope can be written again with other bytes that verify as well. What was
accepted once counts for good, also when the officers who signed it are replaced: a revocation only ever narrows. So the
name of its file says what it revokes, and the file is the evidence.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.enclave.site import Name, validated
from appliance.errors import ApplianceError

KIND = "revocation"
FOLDER = "revocations"
RULE = "statement.revoked"
Revocable = Literal["certificate", "break-glass", "export", "erase", "roll-back"]
_FILE = re.compile(r"(certificate|break-glass|export|erase|roll-back)\.([0-9a-f]{64})\.dsse\.json")


class Revocation(BaseModel):
    """What two officers sign.

    Attributes:
        site: the site.
        kind: what kind of signed statement is withdrawn; subjects and access rules are replaced by later versions.
        subject: whom or what it is about, for people: the model, the person, the export or the enclave.
        payload: SHA-256 of its payload.
        reason: why, for the record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name
    kind: Revocable
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    payload: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]

    @property
    def file(self) -> str:
        """The name under which it is kept."""
        return f"{self.kind}.{self.payload}.dsse.json"


def read(data: Mapping[str, Any], where: str, site: str) -> Revocation:
    """Validate the content of a statement.

    Raises:
        ApplianceError: names the field, or says that it is another site's.
    """
    found = validated(Revocation, data, where)
    if found.site != site:
        raise ApplianceError(
            f"{where}: is of the site {found.site}, not of {site}",
            rule="a statement serves the site that two officers signed it for",
            remedy="name the right statement, or have one signed: appliance site sign-revocation",
        )
    return found


def revoked(folder: Path, kind: Revocable) -> frozenset[str]:
    """The payloads of a kind that were withdrawn; ``folder`` is the host's folder of revocations."""
    names = (file.name for file in folder.iterdir()) if folder.is_dir() else ()
    found = (match for name in names if (match := _FILE.fullmatch(name)))
    return frozenset(match[2] for match in found if match[1] == kind)


def require_not_revoked(folder: Path, kind: Revocable, payload: str, where: str) -> None:
    """Refuse what officers withdrew.

    Raises:
        ApplianceError: it was.
    """
    if payload in revoked(folder, kind):
        raise ApplianceError(
            f"{where}: was revoked by two officers (payload {payload[:16]})",
            rule="what officers withdrew counts no more, however its signatures are written",
            remedy="have a new one signed, if it is still wanted",
        )
