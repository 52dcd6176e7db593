"""Which statement may follow which: of this site, a later version, made from the one in force; or two officers go back.

Each of site, subjects and access rules may name its site, its version and its predecessor, the SHA-256 of the payload
before it. What one statement of a kind names, those after it name too: leaving it out would leave the check out.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.enclave.site import Name, validated
from appliance.errors import ApplianceError
from appliance.trust.officers import load_officers, load_signed, payload_digest

KIND = "roll-back"
FILE = "roll-back.dsse.json"
LONGEST = timedelta(days=7)
RULE = "statements.rolled-back-by-two-officers"
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RollBack(BaseModel):
    """What two officers sign so that an earlier statement takes effect again; it lies in the site folder.

    Attributes:
        site: the site.
        statement: which of its statements goes back.
        in_force: SHA-256 of the payload that is in force now.
        wanted: SHA-256 of the payload that is to be in force again.
        reason: why, for the record.
        expires: when it lapses, at most seven days from when it is used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name
    statement: Literal["site", "subjects", "access"]
    in_force: Digest
    wanted: Digest
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
    expires: AwareDatetime


class Versioned(Protocol):
    """What a statement says of itself."""

    @property
    def version(self) -> int:
        """Grows with every change."""

    @property
    def predecessor(self) -> str | None:
        """SHA-256 of the payload before it."""

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that were named."""


def read_roll_back(
    folder: Path, officers_fingerprint: str, site: str, revoked: frozenset[str], now: datetime | None = None
) -> RollBack | None:
    """The roll-back that two officers signed, or None where the site folder has none.

    Args:
        folder: the site folder.
        officers_fingerprint: SHA-256 of its ``officers.json``.
        site: name of the site.
        revoked: payloads of roll-backs that were withdrawn.
        now: the time.

    Raises:
        ApplianceError: it is not signed by two officers, of another site, lapsed or withdrawn.
    """
    file = folder / FILE
    if not file.exists():
        return None
    officers = load_officers(folder / "officers.json", officers_fingerprint)
    value = load_signed(file, officers, KIND)
    found = validated(RollBack, value, FILE)
    if payload_digest(value) in revoked:
        raise ApplianceError(f"{FILE}: was revoked by two officers", rule="what officers withdrew counts no more")
    moment = now or datetime.now(UTC)
    if found.site != site or not moment < found.expires <= moment + LONGEST:
        raise ApplianceError(
            f"{FILE}: is of the site {found.site}, until {found.expires:%Y-%m-%d %H:%M} UTC",
            rule=f"a roll-back serves its own site, for at most {LONGEST.days} days",
            remedy="have two officers sign one for now, or take the file out of the folder",
        )
    return found


def check_follows(
    kind: str, old: tuple[Versioned, str], new: tuple[Versioned, str], back: RollBack | None, *, strictly: bool
) -> bool:
    """Refuse a statement that does not follow the one in force; True when two officers go back to it.

    Args:
        kind: of both.
        old: what is in force, and the SHA-256 of its payload.
        new: what is to be.
        back: what two officers signed.
        strictly: whether another statement of the same version is refused even if neither names a predecessor.

    Raises:
        ApplianceError: an earlier version, another one of the same, or made from another than the one in force.
    """
    (before, in_force), (after, wanted) = old, new
    if in_force == wanted:
        return False
    if back and (back.statement, back.in_force, back.wanted) == (kind, in_force, wanted):
        return True
    chained = before.predecessor is not None or after.predecessor is not None
    if after.version < before.version or (after.version == before.version and (strictly or chained)):
        raise ApplianceError(
            f"{kind}: version {after.version} does not follow version {before.version}, which is in force",
            rule="statements never go back by themselves: an old one could give back what was revoked",
            remedy=f"raise version in {kind}.yml to at least {before.version + 1}, and have two officers sign it; to go"
            f" back, have two officers sign a roll-back from {in_force} to {wanted} (docs/officer.md)",
        )
    if chained and after.predecessor != in_force:
        raise ApplianceError(
            f"{kind}: version {after.version} follows {after.predecessor or 'nothing'}, and {in_force} is in force",
            rule="a statement names the payload that it was made from, so that nobody's change is lost",
            remedy=f"apply what comes before it, or sign it again with predecessor: {in_force}",
        )
    return False


def check_named(kind: str, old: Versioned, new: Versioned, fields: Sequence[str] = ("site", "version")) -> None:
    """Refuse a statement that no longer names what the one in force names.

    Raises:
        ApplianceError: names the field.
    """
    for field in fields:
        if field in old.model_fields_set and field not in new.model_fields_set:
            raise ApplianceError(
                f"{kind}: does not name its {field}, and the one in force does",
                rule="what a statement names, those after it name too",
                remedy=f"add {field} to {kind}.yml, and have two officers sign it",
            )
