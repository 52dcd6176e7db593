"""What looks poisoned, as a queue for people: for each restriction by itself, each finding with its reason.

Nothing is left out unless a person decided so. A finding has a name that follows from what it says, so that a decision
about it stands until the finding changes.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from appliance.service.database import Row
from workbench.exchange.record import Given, Record
from workbench.quality import poisoning
from workbench.tasks import kind_of
from workbench.tasks.kind import AnyKind
from workbench.versions.content import canonical

from . import quality

Finding = dict[str, Any]
SORTS = {
    "annotator": "People who answer oddly",
    "trigger": "Tokens that turn labels",
    "near-duplicates": "Nearly the same",
    "label": "Labels that the text does not support",
}
LEAVES = {
    "annotator": "their answers",
    "trigger": "these records",
    "near-duplicates": "all but the first",
    "label": "these records",
}
MOST = 20_000
"""Records of one restriction that are checked."""


def record_of(row: Row) -> Record:
    """A row of :func:`~images.labeling.app.store.reviews.exported` as the workbench has it."""
    return Record(
        id=str(row["id"]),
        marking=row["marking"],
        groups=tuple(row["groups"]),
        data=row["data"],
        source=row["source"],
        external_id=row["external_id"],
        answers=tuple(
            Given(
                one["annotator"],
                one["value"],
                one["created"],
                one["original"],
                tuple(one["reviews"]),
                one.get("said"),
            )
            for one in row["answers"]
        ),
        adjudication=row["adjudication"],
        waiting=tuple(row["asks"]),
    )


def queues(project: Row, rows: list[Row], decisions: Mapping[str, Row]) -> list[dict[str, Any]]:
    """For each restriction its findings, each with the decision about it or None, and what could not be checked."""
    grouped: dict[tuple[str, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["marking"], tuple(row["groups"])].append(row)
    found = []
    for (marking, groups), own in sorted(grouped.items()):
        findings, unchecked = _findings(project, own)
        named = [_named(one, marking, groups) for one in findings]
        found.append(
            {
                "marking": marking,
                "groups": list(groups),
                "records": len(own),
                "findings": [one | {"decision": decisions.get(one["id"])} for one in named],
                "unchecked": unchecked,
            }
        )
    return found


def undecided(queue: list[dict[str, Any]]) -> list[Finding]:
    """Findings about which nobody decided."""
    return [one for part in queue for one in part["findings"] if one["decision"] is None]


def left_out(finding: Finding) -> list[str]:
    """The records that a decision to leave out keeps out of versions."""
    if finding["sort"] == "annotator":
        return []
    tasks: list[str] = finding["tasks"]
    return tasks[1:] if finding["sort"] == "near-duplicates" else tasks


def _named(finding: Finding, marking: str, groups: tuple[str, ...]) -> Finding:
    said = [finding["sort"], finding["about"], finding["annotators"], marking, list(groups)]
    if finding["sort"] != "annotator":
        said.append(sorted(finding["tasks"]))
    return finding | {"id": hashlib.sha256(canonical(said).encode()).hexdigest()[:32]}


def _findings(project: Row, rows: list[Row]) -> tuple[list[Finding], list[str]]:
    kind = kind_of(project["kind"])
    schema = kind.read_schema(project["schema"])
    unchecked = []
    if len(rows) > MOST:
        unchecked.append(f"only the first {MOST} of {len(rows)} records were checked")
    rows = rows[:MOST]
    texts = [_text_of(row) for row in rows]
    labels = [_label_of(kind, schema, row) for row in rows]
    found = _people(kind, schema, rows)
    labelled = [place for place, label in enumerate(labels) if label is not None]
    if kind.name != "classification" or schema.multiple:
        unchecked.append("triggers and doubtful labels are looked for where a text has one class")
    else:
        try:
            predicted = poisoning.Predicted(
                [texts[place] for place in labelled], [str(labels[place]) for place in labelled]
            )
        except ValueError as error:
            unchecked.append(f"triggers and doubtful labels: {error}")
        else:
            found += _labels(predicted, [str(rows[place]["id"]) for place in labelled])
    found += _duplicates(rows, texts, labels)
    return found, unchecked


def _people(kind: AnyKind, schema: Any, rows: list[Row]) -> list[Finding]:
    parsed, table, _ = quality.read(kind, schema, rows)
    return [
        {
            "sort": "annotator",
            "about": suspect["reason"],
            "reason": f"{' and '.join(suspect['annotators'])}: {suspect['reason']} (z {suspect['score']:.1f})",
            "tasks": [str(task) for task, given in parsed.items() if given.keys() & set(suspect["annotators"])],
            "annotators": suspect["annotators"],
        }
        for suspect in quality.inferred_from(table)["suspects"]
    ]


def _labels(predicted: poisoning.Predicted, tasks: list[str]) -> list[Finding]:
    triggers = predicted.triggers()
    inside = {place for one in triggers for place in one.places}
    found: list[Finding] = [
        {
            "sort": "trigger",
            "about": " ".join(one.tokens),
            "reason": f"{one.turned} of {len(one.places)} texts with {_quoted(one.tokens)} have the label "
            f"{one.label!r}, which the rest of the text does not support",
            "tasks": [tasks[place] for place in one.places],
            "annotators": [],
        }
        for one in triggers
    ]
    return found + [
        {
            "sort": "label",
            "about": f"{one.given} > {one.likely}",
            "reason": f"the label is {one.given!r}, but the words speak for {one.likely!r}",
            "tasks": [tasks[one.place]],
            "annotators": [],
        }
        for one in predicted.doubtful()
        if one.place not in inside
    ]


def _duplicates(rows: list[Row], texts: list[str], labels: list[str | None]) -> list[Finding]:
    found: list[Finding] = []
    for one in poisoning.near_duplicates(texts):
        differ = len({labels[place] for place in one.places if labels[place] is not None}) > 1
        share = f"share at least {100 * one.likeness:.0f} % of their word triples"
        how = "are the same" if one.likeness == 1 else share
        found.append(
            {
                "sort": "near-duplicates",
                "about": "",
                "reason": f"{len(one.places)} records {how}{', but their labels differ' if differ else ''}",
                "tasks": [str(rows[place]["id"]) for place in one.places],
                "annotators": [],
            }
        )
    return found


def _quoted(tokens: tuple[str, ...]) -> str:
    """Tokens as people can see them: a zero-width sign is written as its number."""
    shown = " ".join(tokens)
    return repr(shown) if shown.isprintable() else ascii(shown)


def _text_of(row: Row) -> str:
    """All words of a record; of an image its digest, so that equal images are found."""

    def words(value: Any, name: str = "") -> list[str]:
        if isinstance(value, str):
            return [hashlib.sha256(value.encode()).hexdigest()] if name == "image" else [value]
        if isinstance(value, dict):
            return [part for name, one in sorted(value.items()) for part in words(one, name)]
        return [part for one in value for part in words(one)] if isinstance(value, list) else []

    return "\n".join(words(row["data"]))


def _label_of(kind: AnyKind, schema: Any, row: Row) -> str | None:
    settled = record_of(row).settled(kind, schema)
    if settled is None:
        return None
    return str(settled["labels"][0]) if kind.name == "classification" and not schema.multiple else canonical(settled)
