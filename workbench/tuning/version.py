"""A version of labeled data as it comes from the foundry, proven: its digest is its name and covers every byte."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.markings import Label, Restriction, controlled, dominates, joined, parse_by_any
from workbench.exchange.record import Record
from workbench.tuning.examples import Example, examples_of
from workbench.versions.content import digest_of, record_of
from workbench.versions.manifest import TYPE, Manifest, Member

RULE = "the digest of a version covers its manifest, and that every record (docs/adr/0200-versions.md)"
PARTS = ("train", "validation")
"""What a run reads; the part ``test`` is for an evaluation that the model has not seen."""


class _Proof(BaseModel):
    """A line of the form *proof*."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    salt: str | None = Field(pattern="^[0-9a-f]{64}$")
    content: str | None
    tombstone: str | None


@dataclass(frozen=True)
class Version:
    """A proven version.

    Attributes:
        digest: its name.
        manifest: what it says of itself.
        restriction: the join of its own and of every record's.
        records: records by part.
    """

    digest: str
    manifest: Manifest
    restriction: Restriction
    records: dict[str, list[Record]]

    def examples(self, part: str) -> list[Example]:
        """The samples of one part."""
        project = self.manifest.project
        return examples_of(project["kind"], project["schema"], self.records[part])


def read_manifest(text: str, digest: str, enclave: Label) -> tuple[Manifest, Restriction]:
    """The manifest that ``digest`` names, and what limits the readers of what is made from it.

    Args:
        text: its canonical JSON.
        digest: name of the version.
        enclave: label of the enclave.

    Raises:
        ApplianceError: it is another one, or no manifest, or says less of itself than its records do, or one of them
            is above the enclave.
    """
    if digest_of(text) != digest:
        raise ApplianceError(
            f"version {digest[:19]}: the manifest has another digest", rule=RULE, remedy="make the version again"
        )
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ApplianceError(f"version {digest[:19]}: {first_finding(error)}", rule=RULE) from error
    if manifest.type != TYPE:
        raise ApplianceError(f"version {digest[:19]}: type {manifest.type!r}", rule=f"a version is of type {TYPE}")
    own = Restriction.decode(manifest.restriction)
    for member in manifest.records:
        limit = restriction_of(member)
        if not dominates(enclave, limit.label):
            raise ApplianceError(
                f"record {member.id}: ({member.marking}) is above this enclave",
                rule="a run reads records that the enclave's label dominates",
                remedy="tune in the enclave of that marking",
            )
        if not limit.within(own):
            raise ApplianceError(
                f"record {member.id}: ({member.marking}) limits more than the version says of itself",
                rule="the restriction of a version is the join of all its records'",
                remedy="make the version again",
            )
    return manifest, own


def read_version(text: str, proof: Iterable[str], digest: str, enclave: Label) -> Version:
    """The version that ``digest`` names, every record proven.

    Args:
        text: the manifest.
        proof: lines of the form *proof*: content and salt of each record of the manifest, in its order.
        digest: name of the version.
        enclave: label of the enclave.

    Raises:
        ApplianceError: a byte differs, a record is missing or was withdrawn, or as :func:`read_manifest` says.
    """
    manifest, restriction = read_manifest(text, digest, enclave)
    records: dict[str, list[Record]] = {part: [] for part in PARTS}
    lines = [line for line in proof if line.strip()]
    if len(lines) != len(manifest.records):
        raise ApplianceError(
            f"version {digest[:19]}: {len(lines)} contents for {len(manifest.records)} records", rule=RULE
        )
    for member, line in zip(manifest.records, lines, strict=True):
        record = _proven(member, line)
        if member.split in records:
            records[member.split].append(record)
    return Version(digest, manifest, restriction, records)


def restriction_of(member: Member) -> Restriction:
    """What limits the readers of a record."""
    marking = parse_by_any(member.marking)
    return joined(Restriction(marking.label, frozenset(member.groups), controlled(marking.obligations)))


def _proven(member: Member, line: str) -> Record:
    try:
        one = _Proof.model_validate_json(line)
    except ValidationError as error:
        raise ApplianceError(f"record {member.id}: {first_finding(error)}", rule=RULE) from error
    if one.tombstone is not None or one.content is None or one.salt is None:
        raise ApplianceError(
            f"record {member.id} was withdrawn",
            rule="nothing is learned from what was withdrawn",
            remedy="make a new version, which leaves it out",
        )
    if one.digest != member.digest or digest_of(one.content, one.salt) != member.digest:
        raise ApplianceError(f"record {member.id}: its content has another digest", rule=RULE)
    content = json.loads(one.content)
    if content["id"] != member.id or content["marking"] != member.marking:
        raise ApplianceError(f"record {member.id}: its content is of another record", rule=RULE)
    return record_of(one.content)
