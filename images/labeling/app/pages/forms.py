"""What a form of a page says, as the answer of a kind. A script sends the whole answer as JSON in ``value``."""

from typing import Any

from starlette.datastructures import FormData

from appliance.errors import ApplianceError
from appliance.service.web.storable import json_in
from workbench.tasks.kind import AnyKind


def answer_of(kind: AnyKind, schema: Any, data: Any, form: FormData) -> dict[str, Any]:
    """The answer in a form; not checked yet.

    Raises:
        ApplianceError: ``value`` is no JSON object.
    """
    match kind.name:
        case "pairwise":
            return {"choice": form.get("choice"), "reason": _text(form, "reason")}
        case "classification":
            return {"labels": [str(label) for label in form.getlist("labels")]}
        case "ranking":
            return {"order": _order(len(data.answers), form)}
        case "rating":
            scores = {one.name: _number(form, f"score-{number}") for number, one in enumerate(schema.criteria)}
            return {"scores": scores, "comment": _text(form, "comment")}
        case "writing":
            return {"text": _text(form, "text")}
        case "chat":
            turns = {str(n): str(form[f"turn-{n}"]) for n in range(len(data.messages)) if form.get(f"turn-{n}")}
            return {"turns": turns, "comment": _text(form, "comment")}
        case _:
            return _json(str(form.get("value") or "{}"))


def _json(text: str) -> dict[str, Any]:
    try:
        value, problem = json_in(text, "value")
    except (ValueError, RecursionError):
        value, problem = None, None
    if problem:
        raise ApplianceError(problem, rule="RFC 8259, 4 and 8.2", remedy="reload the page")
    if not isinstance(value, dict):
        raise ApplianceError("value: is no JSON object", rule="a page sends answers as JSON", remedy="reload the page")
    return value


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").replace("\r\n", "\n")


def _order(answers: int, form: FormData) -> list[int]:
    """The answers by the places that the form gives them; nothing if a place is given twice."""
    places = [(_number(form, f"place-{number}"), number) for number in range(answers)]
    return [number for _, number in sorted(places)] if len(dict(places)) == answers else []


def _number(form: FormData, name: str) -> int:
    text = str(form.get(name) or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
