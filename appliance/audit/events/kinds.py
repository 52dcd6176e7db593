"""The events of the log, one function a kind; ``appliance.audit.events.ocsf`` has their form.

What a caller gives is checked once, as part of the event that is made from it.
"""

import time
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from appliance.audit.events.classes import CLASSES
from appliance.audit.events.ocsf import (
    ALLOWED,
    API_ACTIVITY,
    AUTHENTICATION,
    DENIED,
    ENTITY_MANAGEMENT,
    FAILURE,
    INFORMATIONAL,
    MEDIUM,
    SUCCESS,
    Event,
    refusal,
)

_CRUD = {"create": 1, "read": 2, "update": 3, "delete": 4}
_METHODS = {"POST": 1, "GET": 2, "HEAD": 2, "PUT": 3, "PATCH": 3, "DELETE": 4} | dict.fromkeys(
    ("OPTIONS", "CONNECT", "TRACE"), 99
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where something happened.

    Attributes:
        label: encoded label of the enclave, or of the record concerned.
        enclave: name of the enclave; "host" for the host itself.
        service: the service concerned.
        request: identifier of the request, the same in every record about it.
    """

    label: str
    enclave: str = "host"
    service: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An HTTP request: method, path without query, and what the access policy calls it."""

    method: str
    path: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided, by which rule, under the policy with which SHA-256, and why in words."""

    allowed: bool
    rule: str
    policy: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A thing something was done to: its kind, name and digest."""

    kind: str
    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """strs of what went in and of what came out."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def decision(
    scope: Scope, subject: str, call: Call, verdict: Verdict, *, workload: str | None = None, working: str | None = None
) -> Event:
    """A decision of the monitor about one request.

    Args:
        scope: the enclave that was asked.
        subject: who asked.
        call: for what.
        verdict: the decision.
        workload: the service that acts on the subject's behalf, if one does.
        working: encoded label of the subject's session, if there is one; shows read-down and refused write-down.
    """
    verb = "may" if verdict.allowed else "may not"
    known = call.method in _METHODS
    return _event(
        scope,
        subject,
        API_ACTIVITY,
        _METHODS.get(call.method, 99),
        verdict,
        message=f"{subject} {verb} {call.action} {call.path}"[:4096],
        workload=workload,
        api=_api(scope, call.action),
        working=working,
        http_request={"http_method": call.method if known else None, "url": {"path": call.path}},
        detail=None if known else {"method": call.method},
    )


def session(scope: Scope, subject: str, working: str, verdict: Verdict, *, opened: bool = True) -> Event:
    """A session opened (or refused) or closed; ``working`` is the encoded label it works at."""
    what = ("opened" if verdict.allowed else "may not open") if opened else "closed"
    return _event(
        scope,
        subject,
        AUTHENTICATION,
        1 if opened else 2,
        verdict,
        message=f"{subject} {what} a session",
        working=working,
        user={"name": subject},
        dst_endpoint={"name": scope.enclave},
    )


def configuration(scope: Scope, subject: str, operation: str, entity: Entity, verdict: Verdict) -> Event:
    """A change of what the appliance runs or enforces: ``operation`` is install, load, remove or the like."""
    return _event(
        scope,
        subject,
        ENTITY_MANAGEMENT,
        {"install": 1, "create": 1, "remove": 4}.get(operation, 3),
        verdict,
        message=f"{operation} {entity.kind} {entity.name}",
        entity=_resource(entity),
    )


def admission(scope: Scope, container: str, image: Entity, verdict: Verdict) -> Event:
    """A container or network admitted to an enclave, or refused."""
    verb = "admitted" if verdict.allowed else "refused"
    return _event(
        scope,
        "host",
        API_ACTIVITY,
        1,
        verdict,
        message=f"{container} {verb}",
        api=_api(scope, "container.admit"),
        resources=({"type": "container", "name": container}, _resource(image)),
    )


def inference(
    scope: Scope,
    subject: str,
    model: Entity,
    lineage: Lineage,
    *,
    operation: str = "inference.complete",
    detail: dict[str, JsonValue] | None = None,
) -> Event:
    """A model is asked: digests of prompt and model in ``lineage``, parameters in ``detail``, never a text."""
    return _event(
        scope,
        subject,
        API_ACTIVITY,
        1,
        None,
        message=f"{subject} asks {model.name}",
        api=_api(scope, operation),
        ai_model={"name": model.name, "uid": model.digest or None},
        lineage=lineage,
        detail=detail,
    )


def activity(
    scope: Scope, subject: str, name: str, lineage: Lineage | None = None, *, detail: dict[str, JsonValue] | None = None
) -> Event:
    """What a service or a command did, for example ``evaluation.run``, ``certificate.sign`` or ``records.export``.

    Args:
        scope: where it happened.
        subject: who did it.
        name: the activity, a noun and a verb with a full stop between them.
        lineage: digests of what it read and of what it made.
        detail: further facts, without content.
    """
    return _event(
        scope,
        subject,
        API_ACTIVITY,
        _CRUD.get(name.rpartition(".")[2], 99),
        None,
        message=f"{subject}: {name}",
        api=_api(scope, name),
        lineage=lineage,
        detail=detail,
    )


def _event(  # noqa: PLR0913 - one row of OCSF attributes
    scope: Scope,
    subject: str,
    class_uid: int,
    activity_id: int,
    verdict: Verdict | None,
    *,
    message: str,
    workload: str | None = None,
    working: str | None = None,
    lineage: Lineage | None = None,
    detail: dict[str, JsonValue] | None = None,
    **parts: object,
) -> Event:
    allowed = verdict is None or verdict.allowed
    authorizations = None
    if verdict is not None:
        policy = {"name": verdict.rule, "uid": verdict.policy}
        authorizations = ({"decision": "allowed" if allowed else "denied", "policy": policy},)
    try:
        return CLASSES[class_uid].model_validate(
            {
                "label": scope.label,
                "class_uid": class_uid,
                "category_uid": class_uid // 1000,
                "activity_id": activity_id,
                "type_uid": class_uid * 100 + activity_id,
                "time": time.time_ns() // 1_000_000,
                "severity_id": INFORMATIONAL if allowed else MEDIUM,
                "status_id": SUCCESS if allowed else FAILURE,
                "action_id": None if verdict is None else (ALLOWED if allowed else DENIED),
                "message": message,
                "actor": {
                    "user": {"name": subject},
                    "app_name": workload,
                    "session": {"uid_alt": working} if working else None,
                    "authorizations": authorizations,
                },
                "src_endpoint": {"name": scope.enclave} if class_uid == API_ACTIVITY else None,
                "metadata": {"correlation_uid": scope.request, "profiles": _profiles(verdict, parts)},
                "unmapped": {
                    "enclave": scope.enclave,
                    "reason": (verdict.reason or None) if verdict else None,
                    "inputs": (lineage.inputs or None) if lineage else None,
                    "outputs": (lineage.outputs or None) if lineage else None,
                    "detail": detail or None,
                },
                **parts,
            }
        )
    except ValidationError as error:
        raise refusal(error) from error


def _profiles(verdict: Verdict | None, parts: dict[str, object]) -> tuple[str, ...] | None:
    used = {
        "security_control": verdict is not None,
        "ai_operation": "ai_model" in parts,
    }
    return tuple(name for name, uses in used.items() if uses) or None


def _api(scope: Scope, operation: str) -> dict[str, object]:
    return {
        "operation": operation,
        "service": {"name": scope.service} if scope.service else None,
        "request": {"uid": scope.request} if scope.request else None,
    }


def _resource(entity: Entity) -> dict[str, object]:
    return {"type": entity.kind, "name": entity.name, "uid": entity.digest or None}
