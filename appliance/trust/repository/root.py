"""The TUF root: who may sign what, pinned by one fingerprint on paper.

Roles list ECDSA P-384 keys only, so that every TUF client can read the repository. Two extra fields, signed with the
rest, carry what TUF has no word for: ``x-appliance-people`` pairs each person's classical and ML-DSA key, and
``x-appliance-builders`` registers which key may attest for which builder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]
from tuf.api.serialization import MetadataSerializer

from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.keys import PublicKey, SigningKey
from appliance.trust.repository.metadata import add_signature
from appliance.trust.repository.schema import BUILDERS_FIELD, DEMO_FIELD, PEOPLE_FIELD, BuilderKey, PersonKeys

ROLES = ("root", "targets", "snapshot", "timestamp")
BUILDER_ID = "urn:mls-appliance:builder:build-host"


class RootError(ApplianceError):
    """A root that is not the one on paper, or not usable."""


class CanonicalSerializer(MetadataSerializer):
    """Writes TUF metadata in the one canonical form."""

    def serialize(self, metadata_obj: Metadata) -> bytes:  # type: ignore[type-arg]
        """The canonical bytes of a metadata file."""
        return canonical.encode(metadata_obj.to_dict())


@dataclass(frozen=True)
class Person:
    """A person who signs for TUF roles: one key of each algorithm, both theirs alone."""

    name: str
    classical: SigningKey
    quantum_safe: SigningKey

    @property
    def public(self) -> tuple[PublicKey, PublicKey]:
        """The public halves: ECDSA, ML-DSA."""
        return self.classical.public, self.quantum_safe.public


class _Extension(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    people: dict[str, PersonKeys] = Field(alias=PEOPLE_FIELD)
    builders: list[BuilderKey] = Field(alias=BUILDERS_FIELD)
    demo: bool = Field(alias=DEMO_FIELD)


@dataclass(frozen=True)
class Registered:
    """Whom a root registers.

    Attributes:
        people: name to (ECDSA key, ML-DSA key).
        builders: builder id to the keys that may attest for it.
        threshold: how many people must sign the targets.
        demo: whether these are demonstration keys.
    """

    people: dict[str, tuple[PublicKey, PublicKey]]
    builders: dict[str, list[PublicKey]]
    threshold: int
    demo: bool


def make_root(enrolled: Registered, *, version: int, expires: datetime, signers: Sequence[Person]) -> bytes:
    """The canonical bytes of a root that registers ``enrolled``.

    Every role has the same people and threshold: nothing here is signed by a machine that is always on, so a weaker
    timestamp role would only make freezing easier.

    Args:
        enrolled: people, builders and threshold.
        version: of the root; 1 for the first.
        expires: end of the root's validity, UTC.
        signers: who signs: enough of the people of this root and, after the first, of the one before.

    Raises:
        RootError: the threshold is below 2 or above the number of people.
    """
    if not 2 <= enrolled.threshold <= len(enrolled.people):
        raise RootError(
            f"{enrolled.threshold} of {len(enrolled.people)} people cannot be a threshold",
            rule="at least two people sign every role",
            remedy=f"a threshold from 2 to {len(enrolled.people)}, or more people",
        )
    extension = {
        PEOPLE_FIELD: {
            name: {"ecdsa": classical.model_dump(), "ml-dsa": quantum_safe.model_dump()}
            for name, (classical, quantum_safe) in enrolled.people.items()
        },
        BUILDERS_FIELD: [
            {"id": name, "key": key.model_dump()} for name, keys in sorted(enrolled.builders.items()) for key in keys
        ],
        DEMO_FIELD: enrolled.demo,
    }
    root = Root(version=version, expires=expires, consistent_snapshot=False, unrecognized_fields=extension)
    for public, _ in enrolled.people.values():
        for role in ROLES:
            root.add_key(Key.from_dict(public.keyid, public.model_dump()), role)
    for role in ROLES:
        root.roles[role].threshold = enrolled.threshold
    metadata = Metadata(root)
    for person in signers:
        add_signature(metadata, person.classical)
    return metadata.to_bytes(CanonicalSerializer())


def registered(root: Root) -> Registered:
    """The people and builders of a parsed ``root``, checked against its roles.

    Raises:
        RootError: they disagree with the roles.
    """
    extension = _Extension.model_validate(root.unrecognized_fields)
    people = {name: (keys.ecdsa, keys.ml_dsa) for name, keys in extension.people.items()}
    paired = {keys[0].keyid: keys[0] for keys in people.values()}
    everyone = {keyid for role in root.roles.values() for keyid in role.keyids}
    listed = {keyid: PublicKey.model_validate(key.to_dict()) for keyid, key in root.keys.items()}
    quantum_safe = {keys[1].keyid for keys in people.values()}
    if paired != listed or everyone != set(paired) or not len(people) == len(paired) == len(quantum_safe):
        raise RootError(
            f"root.json: the keys of its roles are not exactly those of {PEOPLE_FIELD}",
            rule="each person has one ECDSA and one ML-DSA key, and no key belongs to two people",
        )
    if any(role.threshold < 2 for role in root.roles.values()):
        raise RootError("root.json: one person alone may sign a role", rule="at least two people sign every role")
    builders: dict[str, list[PublicKey]] = {}
    for builder in extension.builders:
        builders.setdefault(builder.id, []).append(builder.key)
    return Registered(people=people, builders=builders, threshold=root.roles["targets"].threshold, demo=extension.demo)
