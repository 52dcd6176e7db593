"""The manifest of a version: its digest is the version's name, and covers every record by a digest of its own."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workbench.exchange.record import Record
from workbench.exchange.studio import KEPT
from workbench.versions.content import canonical, digest_of

TYPE = "labeling-version/v1"
NAMED = 200
"""Different sources that a lineage names; the others are counted."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Part):
    """A record: the digest covers a salt and its content."""

    id: str
    digest: str
    marking: str
    groups: tuple[str, ...]
    split: str


class Check(_Part):
    """A finding about the data and what a person decided about it; ``left_out`` are the records that this kept out."""

    finding: str
    sort: str
    marking: str
    groups: tuple[str, ...]
    reason: str
    decision: str
    comment: str
    decided_by: str
    decided: str
    left_out: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()


class Lineage(_Part):
    """What a version was made from: sources, models and people with their number of records, and reviews by verdict."""

    sources: dict[str, int]
    models: dict[str, int]
    annotators: dict[str, int]
    reviewers: dict[str, int]
    adjudicators: dict[str, int]
    reviews: dict[str, int]
    certainty: dict[str, int]


class Manifest(_Part):
    """A version.

    Attributes:
        project: identifier, ``name``, ``kind`` and ``schema`` of the project.
        restriction: encoded; the join of the project's and all records'.
        marking: of the whole, as a banner.
        parent: digest of the version before, or None.
        split_by: the field by whose values records stay together.
    """

    type: str = TYPE
    project: dict[str, Any]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    restriction: str
    marking: str
    groups: tuple[str, ...]
    parent: str | None
    made_by: str
    made: str
    split_by: str
    shares: dict[str, float]
    records: tuple[Member, ...]
    checks: tuple[Check, ...]
    lineage: Lineage

    def text(self) -> str:
        """Its canonical JSON."""
        return canonical(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The name of the version."""
        return digest_of(self.text())


def lineage_of(records: Sequence[Record], contents: Sequence[dict[str, Any]]) -> Lineage:
    """Where records and their labels come from.

    Args:
        records: the records.
        contents: what the version keeps of each.
    """
    sources: Counter[str] = Counter()
    models: Counter[str] = Counter()
    people: dict[str, Counter[str]] = {name: Counter() for name in ("annotators", "reviewers", "adjudicators")}
    reviews: Counter[str] = Counter()
    for record in records:
        origin = {name: value for name, value in record.source.items() if name != KEPT}
        origin |= record.source.get(KEPT, {}).get("meta") or {}
        sources[canonical(origin) if origin else "unknown"] += 1
        for name in ("model", "models"):
            value = origin.get(name)
            models.update(str(one)[:200] for one in (value if isinstance(value, list) else [value]) if one)
        people["annotators"].update({one.annotator for one in record.answers})
        people["reviewers"].update({review["reviewer"] for one in record.answers for review in one.reviews})
        reviews.update(review["verdict"] for one in record.answers for review in one.reviews)
        if record.adjudication:
            people["adjudicators"][record.adjudication["adjudicator"]] += 1
    named = dict(sources.most_common(NAMED))
    others = sum(sources.values()) - sum(named.values())
    return Lineage(
        sources=named | ({"others": others} if others else {}),
        models=dict(models),
        annotators=dict(people["annotators"]),
        reviewers=dict(people["reviewers"]),
        adjudicators=dict(people["adjudicators"]),
        reviews=dict(reviews),
        certainty=dict(Counter(one["certainty"]["how"] for one in contents)),
    )


class Difference(_Part):
    """What is new, gone, said otherwise or in another part in the second of two versions; identifiers of records."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[str, ...]
    same: int


def difference(one: Manifest, other: Manifest) -> Difference:
    """From ``one`` to ``other``."""
    before = {member.id: member for member in one.records}
    after = {member.id: member for member in other.records}
    both = [name for name in before if name in after]
    changed = tuple(name for name in both if before[name].digest != after[name].digest)
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=changed,
        moved=tuple(name for name in both if before[name].split != after[name].split),
        same=len(both) - len(changed),
    )
