"""Versions as the foundry exports them: a manifest, and contents with their salts."""

import json
from typing import Any
from uuid import UUID

from workbench.exchange.record import Given, Record
from workbench.tasks import kind_of
from workbench.versions.content import content_of, digest_of
from workbench.versions.manifest import Manifest, Member, lineage_of

PROJECT = "00000000-0000-4000-8000-000000000001"
SCHEMAS: dict[str, dict[str, Any]] = {
    "writing": {},
    "pairwise": {},
    "ranking": {},
    "chat": {"labels": [{"name": "good"}, {"name": "bad"}]},
    "classification": {"labels": [{"name": "Weather"}, {"name": "Supply"}]},
}


def record(number: int, data: dict[str, Any], value: dict[str, Any], **changes: Any) -> Record:
    """A record to which one person gave one answer."""
    given = (Given("ann", value, "2026-11-01T00:00:00+00:00"),)
    values: dict[str, Any] = {"marking": "U", "groups": (), "source": {}, "answers": given}
    return Record(id=str(UUID(int=number)), data=data, **values | changes)


def writing(count: int, **changes: Any) -> list[Record]:
    """Questions with answers that differ."""
    return [
        record(number, {"text": f"Question {number}?"}, {"text": f"Answer {number}."}, **changes)
        for number in range(1, count + 1)
    ]


def exported(
    records: list[Record], kind: str = "writing", parts: list[str] | None = None, **changes: Any
) -> tuple[str, str, str]:
    """Digest, manifest and proof of a version of ``records``."""
    schema = SCHEMAS[kind]
    behaviour = kind_of(kind)
    read = behaviour.read_schema(schema)
    contents = [content_of(behaviour, read, one) for one in records]
    salts = [f"{number:064x}" for number in range(len(records))]
    digests = [digest_of(text, salt) for text, salt in zip(contents, salts, strict=True)]
    members = tuple(
        Member(
            id=one.id,
            digest=digest,
            marking=one.marking,
            groups=one.groups,
            split=(parts or ["train"] * len(records))[n],
        )
        for n, (one, digest) in enumerate(zip(records, digests, strict=True))
    )
    values: dict[str, Any] = {
        "project": {"id": PROJECT, "name": "Questions", "kind": kind, "schema": schema},
        "name": "one",
        "restriction": "S;;GBR,USA||",
        "marking": "SECRET//REL TO USA, GBR",
        "groups": (),
        "parent": None,
        "made_by": "lead",
        "made": "2026-11-02T00:00:00+00:00",
        "split_by": "",
        "shares": {"train": 1.0},
        "records": members,
        "checks": (),
        "lineage": lineage_of(records, [json.loads(one) for one in contents]),
    }
    manifest = Manifest.model_validate(values | changes)
    proof = "".join(
        json.dumps({"digest": digest, "salt": salt, "content": text, "tombstone": None}) + "\n"
        for digest, salt, text in zip(digests, salts, contents, strict=True)
    )
    return manifest.digest, manifest.text(), proof
