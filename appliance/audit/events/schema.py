"""Checks an event against OCSF's own definition of its class (``schemas/``), compiled once."""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic_core import from_json

from appliance.errors import ApplianceError

CLASSES = {6003: "api_activity", 3002: "authentication", 3004: "entity_management"}
_Validator = Callable[[Any], str | None]


class EventError(ApplianceError):
    """What should be recorded is not an event: a field is missing, too long, or has characters nobody can see."""


def check(body: bytes) -> None:
    """Refuse what is no OCSF event of a class that the appliance records.

    Args:
        body: the event as JSON.

    Raises:
        EventError: it is not UTF-8 or JSON, its class is unknown, or a field is missing or wrong; names the field.
    """
    try:
        event = from_json(body.decode(), allow_inf_nan=False)
        class_uid, activity_id, type_uid = (event[name] for name in ("class_uid", "activity_id", "type_uid"))
        validator = _validator(CLASSES[class_uid])
    except UnicodeDecodeError as error:
        raise EventError("the event is not UTF-8", rule="RFC 8259, 8.1") from error
    except ValueError as error:
        raise EventError("the event is not JSON", rule="RFC 8259") from error
    except (KeyError, TypeError) as error:
        raise EventError(f"the event has no known class: {error}", rule=f"OCSF classes {sorted(CLASSES)}") from error
    if (problem := validator(event)) is not None:
        raise EventError(f"the event {problem}", rule="OCSF 1.8.0, as in appliance/audit/events/schemas")
    if type_uid != class_uid * 100 + activity_id:
        raise EventError("the event's type_uid is not class_uid * 100 + activity_id", rule="OCSF 1.8.0, type_uid")


@lru_cache
def _validator(name: str) -> _Validator:
    import fastjsonschema  # noqa: PLC0415 - services read events, but only the host records them

    definition = json.loads((files(__package__) / "schemas" / f"{name}.json").read_text())
    validate: Callable[[Any], Any] = fastjsonschema.compile(definition, use_default=False)

    def problem(event: Any) -> str | None:
        try:
            validate(event)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.message).removeprefix("data").lstrip(".")
        return None

    return problem
