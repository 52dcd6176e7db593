"""What a version keeps of a record: who labeled it, how sure that is, what dissent there was; and its digest.

A digest covers 32 random bytes before the content, as the log's leaves do: once both are withdrawn, the digest that
stays in manifests says nothing about what was there (a short text could be guessed otherwise).
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from workbench.exchange.record import Given, Record
from workbench.tasks.kind import AnyKind

SALT = 32


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted names, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str, salt: str = "") -> str:
    """SHA-256 of a text behind a salt in hexadecimal digits, as ``sha256:...``."""
    return f"sha256:{hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()}"


def content_of(kind: AnyKind, schema: Any, record: Record, without: Collection[str] = ()) -> str:
    """The canonical content of a record.

    Args:
        kind: of its project.
        schema: of its project.
        record: the record with all that people said.
        without: people whose answers were left out by a decision.
    """
    record = replace(record, answers=tuple(one for one in record.answers if one.annotator not in without))
    settled = record.settled(kind, schema)
    return canonical(
        {
            "id": record.id,
            "marking": record.marking,
            "groups": list(record.groups),
            "data": record.data,
            "source": record.source,
            "external_id": record.external_id,
            "annotations": [_annotation(one) for one in record.answers],
            "adjudication": record.adjudication,
            "settled": settled,
        }
        | _certainty(kind, schema, record, settled)
    )


def record_of(content: str) -> Record:
    """The record again, as exporters take it."""
    value = json.loads(content)
    return Record(
        id=value["id"],
        marking=value["marking"],
        groups=tuple(value["groups"]),
        data=value["data"],
        source=value["source"],
        external_id=value["external_id"],
        answers=tuple(
            Given(
                one["annotator"],
                one["value"],
                one["created"],
                one.get("original"),
                tuple(one["reviews"]),
                one.get("said"),
            )
            for one in value["annotations"]
        ),
        adjudication=value["adjudication"],
    )


def _annotation(one: Given) -> dict[str, Any]:
    said: dict[str, Any] = {
        "annotator": one.annotator,
        "value": one.value,
        "created": one.created,
        "reviews": list(one.reviews),
    }
    if one.said is not None:
        said["said"] = one.said
    return said | ({"original": one.original} if one.original is not None else {})


def _certainty(kind: AnyKind, schema: Any, record: Record, settled: dict[str, Any] | None) -> dict[str, Any]:
    """How the label was settled, how many agree with it, and who does not."""
    data = kind.read_data(record.data)

    def units(value: dict[str, Any]) -> object:
        return kind.units(schema, data, kind.answer_model.model_validate(value))

    counted = [(one.annotator, one.settled) for one in record.answers if one.settled is not None]
    agreed = [who for who, value in counted if settled is not None and units(value) == units(settled)]
    if record.adjudication:
        how = "decided"
    elif settled is None:
        how = "open"
    elif len(counted) == 1:
        how = "one answer"
    else:
        how = "agreed" if len(agreed) == len(counted) else "majority"
    return {
        "certainty": {
            "how": how,
            "agree": len(agreed),
            "of": len(counted),
            "reviewed": sum(bool(one.reviews) for one in record.answers),
        },
        "dissent": [who for who, _ in counted if who not in agreed],
    }
