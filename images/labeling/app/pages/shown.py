"""Rendering, and what each page of a task needs."""

import hashlib
from typing import Any

from fastapi import Request, Response

from appliance.service.database import Row
from appliance.service.web.current import pages_of
from workbench.tasks import kind_of
from workbench.tasks.labels import keyed, leaves

from .. import scenes


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page for a reader at the enclave's level, who may write; what others read is published."""
    return pages_of(request).render(request, template, status, writable=True, **values)


def task_values(project: Row, task: Row, value: dict[str, Any] | None, reader: str) -> dict[str, Any]:
    """What the form of a kind needs to show a task with an answer in it."""
    kind = kind_of(project["kind"])
    schema, data = kind.read_schema(project["schema"]), kind.read_data(task["data"])
    values: dict[str, Any] = {"kind": kind, "schema": schema, "data": data, "task": task}
    values["value"] = dict.fromkeys(kind.answer_model.model_fields) | (value or {})
    if hasattr(schema, "labels"):
        values["labels"] = keyed(leaves(schema.labels) if project["kind"] == "classification" else schema.labels)
    if project["kind"] == scenes.KIND:
        values |= {"picture": scenes.picture_of(data), "address": scenes.address_of(project, task, data)}
    if project["kind"] == "pairwise":
        values["answers"] = _in_own_order(task, reader, data.answers)
    return values


def _in_own_order(task: Row, reader: str, answers: tuple[str, str]) -> list[tuple[str, str]]:
    """People prefer the first answer they read: each annotator sees their own order."""
    named = [("a", answers[0]), ("b", answers[1])]
    if hashlib.sha256(f"{task['id']} {reader}".encode()).digest()[0] & 1:
        named.reverse()
    return named
