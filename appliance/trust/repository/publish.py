"""Make the signed metadata of a repository: TUF roles with ECDSA P-384, and the second algorithm over all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from appliance.errors import ApplianceError
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.metadata import Target, add_signature
from appliance.trust.repository.request import SigningRequest, sign_with_all
from appliance.trust.repository.root import CanonicalSerializer, Person, registered
from appliance.trust.repository.schema import CREATED_FIELD

VALID_DAYS = 365


@dataclass(frozen=True)
class Edition:
    """Which publication of the bundle this is.

    Attributes:
        created: time of creation, UTC.
        expires: end of validity, UTC.
        version: of the metadata; None means one more than what the folder has.
    """

    created: datetime
    expires: datetime
    version: int | None = None

    @classmethod
    def today(cls) -> Self:
        """The next version, made now and valid for a year."""
        now = datetime.now(UTC)
        return cls(created=now, expires=now + timedelta(days=VALID_DAYS))


def prepare(targets: Iterable[Target], *, chain: RootChain, edition: Edition) -> SigningRequest:
    """Ask for signatures on the metadata of a repository.

    Files name each other by version alone: digests would make each role wait for the signatures of another, and
    ``hybrid.dsse.json`` covers the exact bytes of all of them anyway.

    Args:
        targets: what the repository lists.
        chain: the roots.
        edition: version, creation and expiry.
    """
    version, expires = edition.version or 1, edition.expires
    listed = {
        target.path: TargetFile(target.length, {"sha256": target.sha256}, target.path, {"custom": target.listed()})
        for target in targets
    }
    roles = {
        "targets.json": Targets(version=version, expires=expires, targets=listed),
        "snapshot.json": Snapshot(version=version, expires=expires, meta={"targets.json": MetaFile(version)}),
        "timestamp.json": Timestamp(
            version=version,
            expires=expires,
            snapshot_meta=MetaFile(version),
            unrecognized_fields={CREATED_FIELD: edition.created.strftime("%Y-%m-%dT%H:%M:%SZ")},
        ),
    }
    return SigningRequest(chain, {name: sign_role(signed, []) for name, signed in roles.items()})


def make_metadata(
    targets: Iterable[Target], *, chain: RootChain, people: Sequence[Person], edition: Edition
) -> dict[str, bytes]:
    """Every metadata file of a repository by name, signed at once by people whose keys are all here.

    Raises:
        ApplianceError: too few or strange people.
    """
    check_people(chain, people)
    return sign_with_all(prepare(targets, chain=chain, edition=edition), people).files()


def check_people(chain: RootChain, people: Sequence[Person]) -> None:
    """Refuse people whose signatures would not count.

    Raises:
        ApplianceError: one is not in the last root, or they are too few.
    """
    enrolled = registered(chain.current())
    for person in people:
        if enrolled.people.get(person.name) != person.public:
            raise ApplianceError(
                f"{person.name} is not among the people of the root",
                rule="root.json names who signs",
                remedy="sign with a key of one of them, or change who signs: appliance keys change",
            )
    names = {person.name for person in people}
    if len(names) < enrolled.threshold:
        raise ApplianceError(
            f"{len(names)} people sign, {enrolled.threshold} must",
            rule="root.json sets how many people sign a bundle",
            remedy=f"add keys of: {', '.join(sorted(set(enrolled.people) - names))}",
        )


def sign_role(signed: Any, people: Sequence[Person]) -> bytes:
    """The canonical bytes of a role's metadata with the ECDSA signature of each of ``people``."""
    metadata = Metadata(signed)
    for person in people:
        add_signature(metadata, person.classical)
    return metadata.to_bytes(CanonicalSerializer())
