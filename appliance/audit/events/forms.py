"""Events in the forms that other collectors read: ArcSight CEF and Elastic ECS. The log's own form is OCSF.

``docs/audit-export.md`` has the map from each attribute to both.
"""

import json
from datetime import UTC, datetime

from appliance.audit.events.ocsf import Event

_SEVERITY = {1: 3, 3: 6}


def cef(event: Event, index: int) -> str:
    """One line of CEF 0 for record ``index``."""
    head = [
        "CEF:0",
        *(_header(text) for text in (event.metadata.product.vendor_name, event.metadata.product.name)),
        _header(event.metadata.product.version),
        f"{event.class_uid}:{event.activity_id}",
        _header(event.message),
        str(_SEVERITY.get(event.severity_id, 3)),
    ]
    request = event.http_request
    fields = {
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
    extension = " ".join(f"{name}={_extension(value)}" for name, value in fields.items() if value)
    return "|".join([*head, extension])


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
