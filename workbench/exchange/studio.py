"""Label Studio's JSON, both ways and without loss.

What a file carries beyond our fields is kept with the task and with each annotation, and leaves as it came.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from appliance.errors import ApplianceError
from workbench.exchange.record import Given, Project, Record
from workbench.tasks.kind import AnyKind

KEPT = "label_studio"
RULE = "a file of Label Studio is a list of tasks with data and, where there are any, annotations"


@dataclass(frozen=True)
class Imported:
    """A task of a file: what is shown, what is kept beside it, and the annotations that it brought."""

    data: dict[str, Any]
    marking: str | None
    groups: tuple[str, ...]
    source: dict[str, Any]
    answers: tuple[Given, ...]


def read(kind: AnyKind, schema: Any, raw: Any, field: str) -> Imported:
    """A task of a file.

    Raises:
        ApplianceError: it is none, or an annotation does not fit the project; the message names the field.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("data"), dict):
        raise ApplianceError(f"{field}.data: is missing", rule=RULE, remedy="export the project as JSON again")
    given = raw["data"]
    data = kind.data_from_label_studio(given)
    task = kind.read_data(data, f"{field}.data")
    answers = []
    for number, one in enumerate(raw.get("annotations") or []):
        place = f"{field}.annotations.{number}"
        if not isinstance(one, dict) or not isinstance(one.get("result"), list):
            raise ApplianceError(f"{place}.result: is missing", rule=RULE, remedy="export the project as JSON again")
        if one.get("was_cancelled"):
            continue
        value = _answer(kind, schema, task, one["result"], place)
        answers.append(Given(_author(one, number), value, str(one.get("created_at") or ""), one))
    authors = [one.annotator for one in answers]
    if len(set(authors)) != len(authors):
        answers = [_numbered(one, number) for number, one in enumerate(answers)]
    groups = given.get("groups", [])
    return Imported(
        data=task.model_dump(mode="json", exclude_none=True),
        marking=given.get("marking"),
        groups=tuple(groups) if isinstance(groups, list) else (),
        source={KEPT: raw if raw.get("annotations") is None else {**raw, "annotations": []}},
        answers=tuple(answers),
    )


def write(project: Project, records: Iterable[Record]) -> Iterator[str]:
    """The list of tasks."""
    kind = project.behaviour
    schema = kind.read_schema(project.schema)
    opening = "[\n"
    for record in records:
        yield opening + json.dumps(_task(kind, schema, record), ensure_ascii=False)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _answer(kind: AnyKind, schema: Any, task: Any, results: list[Any], place: str) -> dict[str, Any]:
    try:
        value = kind.from_results(schema, task, results)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ApplianceError(
            f"{place}.result: is no annotation of the kind {kind.name}",
            rule="annotations are of the kind of the project that they come into",
            remedy="choose a project of the right kind, or leave the annotations out",
        ) from error
    answer = kind.read_answer(schema, task, value, f"{place}.result")
    dumped: dict[str, Any] = answer.model_dump(mode="json")
    return dumped


def _author(annotation: dict[str, Any], number: int) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return f"imported:{str(by if by is not None else number)[:100]}"


def _numbered(one: Given, number: int) -> Given:
    return Given(f"{one.annotator}:{number}", one.value, one.created, one.original)


def _task(kind: AnyKind, schema: Any, record: Record) -> dict[str, Any]:
    kept = record.source.get(KEPT, {})
    data = kind.read_data(record.data)
    shown = {**kept.get("data", kind.data_to_label_studio(data)), "marking": record.marking}
    if record.groups:
        shown["groups"] = list(record.groups)
    annotations = [
        one.original if one.original and one.said is None else _annotation(kind, schema, data, one)
        for one in record.answers
    ]
    task = {"id": record.id, **kept, "data": shown, "annotations": annotations}
    if record.adjudication:
        final = kind.answer_model.model_validate(record.adjudication["value"])
        task["annotations"] = [
            *annotations,
            {
                "completed_by": record.adjudication["adjudicator"],
                "created_at": record.adjudication["created"],
                "ground_truth": True,
                "result": kind.to_results(schema, data, final),
            },
        ]
    return task


def _annotation(kind: AnyKind, schema: Any, data: Any, one: Given) -> dict[str, Any]:
    answer = kind.answer_model.model_validate(one.value)
    return {
        "completed_by": one.annotator,
        "created_at": one.created,
        "result": kind.to_results(schema, data, answer),
    }
