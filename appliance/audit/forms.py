"""Events in the forms that other collectors read: ArcSight CEF and Elastic ECS. The log's own form is OCSF.

| OCSF | CEF | ECS |
|---|---|---|
| class_uid:activity_id | signature id | event.code |
| message | name | message |
| severity_id (1, 3) | severity (3, 6) | event.severity (3, 6) |
| time | rt | @timestamp |
| actor.user.name | suser | user.name |
| actor.invoked_by | sproc | process.name |
| api.operation | act | event.action |
| action_id, status_id | outcome | event.outcome |
| http_request | requestMethod, request | http.request.method, url.path |
| policy name, uid | cs1 (rule), cs2 (policy) | rule.name, rule.uuid |
| unmapped.enclave, label | cs3 (enclave), cs4 (label) | labels.enclave, labels.label |
| metadata.correlation_uid | externalId | trace.id |
| index in the log | cn1 (record) | event.sequence |
| unmapped.reason | reason | event.reason |
"""

import json
from datetime import UTC, datetime

from appliance.audit.events import Event

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
        "sproc": event.actor.invoked_by,
        "act": event.activity,
        "outcome": event.decision or "recorded",
        "requestMethod": request.http_method if request else None,
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
    }
    extension = " ".join(f"{name}={_extension(value)}" for name, value in fields.items() if value)
    return "|".join([*head, extension])


def ecs(event: Event, index: int) -> str:
    """One line of JSON in the Elastic Common Schema 8 for record ``index``."""
    request = event.http_request
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
        }
        | reason,
        "user": {"name": event.subject},
        "process": {"name": event.actor.invoked_by} if event.actor.invoked_by else None,
        "http": {"request": {"method": request.http_method}} if request else None,
        "url": {"path": request.url.path} if request else None,
        "rule": {"name": event.policy.name, "uuid": event.policy.uid} if event.policy else None,
        "trace": {"id": event.metadata.correlation_uid} if event.metadata.correlation_uid else None,
        "labels": {"enclave": event.unmapped.enclave, "label": event.label},
    }
    return json.dumps({name: value for name, value in document.items() if value is not None}, ensure_ascii=False)


def _header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=")
