"""Events in the forms that other collectors read: ArcSight CEF and Elastic ECS. The log's own form is OCSF.

``docs/audit-export.md`` has the map from each attribute to both.
"""

import json
from datetime import UTC, datetime

from appliance.audit.events.ocsf import Event

_SEVERITY = {1: 3, 3: 6}


LIMIT = 1023
"""Most bytes of a message of CEF: collectors cut longer ones, and syslog lets 1,024 through (RFC 3164, 4.1)."""
_NAME = 200
_COMMON = ("rt", "cn1Label", "cn1", "cs4Label", "cs4")
"""What every part of a divided event has: when, which record, and its label."""


def cef(event: Event, index: int) -> str:
    """CEF 0 for record ``index``: a line, or several of at most 1,023 bytes where one would be longer.

    Each part has the time, the record's number, the label and which part of how many it is; a long value goes on under
    its own name in the next part.
    """
    head = _head(event)
    fields = {name: value for name, value in _fields(event, index).items() if value}
    whole = f"{head}|{_extensions(fields)}"
    if _length(whole) <= LIMIT and len(event.message) <= _NAME:
        return whole
    common = {name: fields[name] for name in _COMMON if name in fields and _length(fields[name]) <= LIMIT // 3}
    rest = {name: value for name, value in fields.items() if name not in common}
    if len(event.message) > _NAME:
        rest = {"message": event.message} | rest
    counted = "cn2Label=part cn2=0000 cn3Label=parts cn3=0000"
    parts = _divided(rest, LIMIT - _length(f"{head}|{_extensions(common)} {counted} "))
    return "\n".join(
        f"{head}|{_extensions(common)} cn2Label=part cn2={number} cn3Label=parts cn3={len(parts)} {part}"
        for number, part in enumerate(parts, start=1)
    )


def _divided(fields: dict[str, str], room: int) -> list[str]:
    """The fields in parts that have room each; a label goes with its value, and a long value is divided."""
    parts = [""]
    for name, value in fields.items():
        if name.endswith("Label"):
            continue
        label = fields.get(f"{name}Label")
        before = (f"{name}Label={_extension(label)} " if label else "") + f"{name}="
        left = value
        while left:
            free = room - _length(parts[-1]) - _length(before) - 1
            piece = _fitting(left, free)
            if not piece or (len(piece) < len(left) and free < room // 2):
                parts.append("")
                continue
            parts[-1] = f"{parts[-1]} {before}{_extension(piece)}".lstrip(" ")
            left = left[len(piece) :]
    return [part for part in parts if part]


def _fitting(text: str, free: int) -> str:
    """The longest beginning of ``text`` that takes at most ``free`` bytes once it is escaped."""
    used = 0
    for number, character in enumerate(text):
        used += _length(_extension(character))
        if used > free:
            return text[:number]
    return text


def _length(text: str) -> int:
    return len(text.encode())


def _extensions(fields: dict[str, str]) -> str:
    return " ".join(f"{name}={_extension(value)}" for name, value in fields.items())


def _head(event: Event) -> str:
    name = event.message if len(event.message) <= _NAME else f"{event.message[:_NAME]}..."
    return "|".join(
        [
            "CEF:0",
            *(_header(text) for text in (event.metadata.product.vendor_name, event.metadata.product.name)),
            _header(event.metadata.product.version),
            f"{event.class_uid}:{event.activity_id}",
            _header(name),
            str(_SEVERITY.get(event.severity_id, 3)),
        ]
    )


def _fields(event: Event, index: int) -> dict[str, str | None]:
    request = event.http_request
    return {
        "rt": str(event.time),
        "suser": event.subject,
        "sproc": event.actor.app_name,
        "dhost": event.dst_endpoint.name if event.dst_endpoint else None,
        "dproc": event.api.service.name if event.api and event.api.service else None,
        "act": event.activity,
        "outcome": event.decision or "recorded",
        "requestMethod": event.request.partition(" ")[0],
        "request": request.url.path if request else None,
        "externalId": event.metadata.correlation_uid,
        "reason": event.unmapped.reason,
        "cn1Label": "record",
        "cn1": str(index),
        "cs1Label": "rule",
        "cs1": event.policy.name if event.policy else None,
        "cs2Label": "policy",
        "cs2": event.policy.uid if event.policy else None,
        "cs3Label": "enclave",
        "cs3": event.unmapped.enclave,
        "cs4Label": "label",
        "cs4": event.label,
        "cs5Label": "working",
        "cs5": event.working,
        "cs6Label": "objects",
        "cs6": _objects(event),
        "flexString1Label": "inputs",
        "flexString1": " ".join(event.unmapped.inputs or ()),
        "flexString2Label": "outputs",
        "flexString2": " ".join(event.unmapped.outputs or ()),
        "msg": json.dumps(event.unmapped.detail, ensure_ascii=False) if event.unmapped.detail else None,
    }


def ecs(event: Event, index: int) -> str:
    """One line of JSON in the Elastic Common Schema 8 for record ``index``; ``event.original`` has all of it."""
    request = event.http_request
    digests = [*(event.unmapped.inputs or ()), *(event.unmapped.outputs or ())]
    reason = {"reason": event.unmapped.reason} if event.unmapped.reason else {}
    document = {
        "@timestamp": datetime.fromtimestamp(event.time / 1000, UTC).isoformat(timespec="milliseconds"),
        "ecs": {"version": "8.11.0"},
        "message": event.message,
        "event": {
            "kind": "event",
            "action": event.activity,
            "code": f"{event.class_uid}:{event.activity_id}",
            "outcome": "success" if event.status_id == 1 else "failure",
            "severity": _SEVERITY.get(event.severity_id, 3),
            "sequence": index,
            "original": event.record()[1].decode(),
        }
        | reason,
        "user": {"name": event.subject},
        "process": {"name": event.actor.app_name} if event.actor.app_name else None,
        "http": {"request": {"method": event.request.partition(" ")[0]}} if request else None,
        "url": {"path": request.url.path} if request else None,
        "rule": {"name": event.policy.name, "uuid": event.policy.uid} if event.policy else None,
        "trace": {"id": event.metadata.correlation_uid} if event.metadata.correlation_uid else None,
        "service": {"name": event.api.service.name} if event.api and event.api.service else None,
        "related": {"hash": digests} if digests else None,
        "labels": {
            name: value
            for name, value in {
                "enclave": event.unmapped.enclave,
                "label": event.label,
                "working": event.working,
                "objects": _objects(event),
            }.items()
            if value
        },
    }
    return json.dumps({name: value for name, value in document.items() if value is not None}, ensure_ascii=False)


def _objects(event: Event) -> str:
    """What the event is about: kind, name and digest of each thing."""
    things = [(one.type, one.name, one.uid) for one in (*(event.resources or ()), event.entity) if one]
    if event.ai_model:
        things.append(("model", event.ai_model.name, event.ai_model.uid))
    return ", ".join(" ".join(part for part in thing if part) for thing in things)


def _header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=")
