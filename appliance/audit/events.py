"""The events of the log: OCSF 1.5 JSON, each beginning with its label.

What OCSF has no attribute for (enclave, rule, digest of the policy, lineage) stands in OCSF's ``unmapped``. OCSF's own
class ``model_inference_activity`` has no number yet, so inference is API activity with the profile ``ai_operation``.
Every text is refused that has control or direction characters, because officers read it on screens and in terminals.
"""

import re
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, field_validator

from appliance import __version__
from appliance.errors import ApplianceError

OCSF_VERSION = "1.5.0"
API_ACTIVITY, AUTHENTICATION, ENTITY_MANAGEMENT = 6003, 3002, 3004
INFORMATIONAL, MEDIUM = 1, 3
ALLOWED, DENIED = 1, 2
SUCCESS, FAILURE = 1, 2
_UNSEEN = "\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
_PRINTABLE = f"^[^{_UNSEEN}]*$"
_CRUD = {"create": 1, "read": 2, "update": 3, "delete": 4}
_METHODS = {"POST": 1, "GET": 2, "HEAD": 2, "PUT": 3, "PATCH": 3, "DELETE": 4}

Word = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=4096, pattern=_PRINTABLE)]
Digest = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z0-9:+/=_.-]*$")]


class EventError(ApplianceError):
    """What should be recorded is not an event: a field is missing, too long, or has characters nobody can see."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(_Model):
    """Where something happened.

    Attributes:
        label: encoded label of the enclave, or of the record concerned.
        enclave: name of the enclave; "host" for the host itself.
        service: the service concerned.
        request: identifier of the request, the same in every record about it.
    """

    label: Word
    enclave: Word = "host"
    service: Word | None = None
    request: Word | None = None


class Call(_Model):
    """An HTTP request: method, path without query, and what the access policy calls it."""

    method: Text
    path: Text
    action: Word


class Verdict(_Model):
    """What was decided, by which rule, under the policy with which SHA-256, and why in words."""

    allowed: bool
    rule: Word
    policy: Digest = ""
    reason: Text = ""


class Entity(_Model):
    """A thing something was done to: its kind, name and digest."""

    kind: Word
    name: Word
    digest: Digest = ""


class Lineage(_Model):
    """Digests of what went in and of what came out."""

    inputs: tuple[Digest, ...] = Field(default=(), max_length=1000)
    outputs: tuple[Digest, ...] = Field(default=(), max_length=1000)


class Named(_Model):
    """An OCSF object of which the name alone is known."""

    name: Word


class Policy(_Model):
    """OCSF policy: the rule that decided, and the digest of the policy it stands in."""

    name: Word
    uid: Digest


class Authorization(_Model):
    """OCSF authorization."""

    decision: Literal["allowed", "denied"]
    policy: Policy


class Actor(_Model):
    """OCSF actor; ``invoked_by`` is the workload that acted for the user."""

    user: Named
    invoked_by: Word | None = None
    authorizations: tuple[Authorization, ...] | None = None


class RequestId(_Model):
    """OCSF request."""

    uid: Word


class Api(_Model):
    """OCSF API: what was asked of which service."""

    operation: Text
    service: Named | None = None
    request: RequestId | None = None


class Url(_Model):
    """OCSF URL, the path alone: a query may be content."""

    path: Text


class HttpRequest(_Model):
    """OCSF HTTP request."""

    http_method: Text
    url: Url


class Resource(_Model):
    """OCSF resource or managed entity."""

    type: Word
    name: Word
    uid: Digest | None = None


class AiModel(_Model):
    """OCSF AI model."""

    name: Word
    ai_provider: Word = "appliance"
    uid: Digest | None = None


class Session(_Model):
    """OCSF session: the label it works at."""

    uid_alt: Word


class Product(_Model):
    """OCSF product."""

    name: str = "appliance"
    vendor_name: str = "appliance"
    version: str = __version__


class Metadata(_Model):
    """OCSF metadata."""

    version: str = OCSF_VERSION
    product: Product = Product()
    correlation_uid: Word | None = None
    profiles: tuple[str, ...] | None = None


class Unmapped(_Model):
    """What OCSF has no attribute for."""

    enclave: Word
    reason: Text | None = None
    inputs: tuple[Digest, ...] | None = None
    outputs: tuple[Digest, ...] | None = None
    detail: dict[Word, JsonValue] | None = None

    @field_validator("detail")
    @classmethod
    def _plain(cls, detail: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        _check(detail)
        return detail


class Event(_Model):
    """One event as the log holds it. The label comes first; the log refuses an event that begins otherwise."""

    label: Word
    class_uid: int
    category_uid: int
    activity_id: int
    type_uid: int
    time: int
    severity_id: int
    status_id: int
    action_id: int | None = None
    message: Text
    actor: Actor
    api: Api | None = None
    http_request: HttpRequest | None = None
    src_endpoint: Named | None = None
    resources: tuple[Resource, ...] | None = None
    entity: Resource | None = None
    session: Session | None = None
    ai_model: AiModel | None = None
    metadata: Metadata
    unmapped: Unmapped

    def record(self) -> tuple[str, bytes]:
        """The pair that ``Log.append`` takes: the encoded label and the event's bytes."""
        return self.label, self.model_dump_json(exclude_none=True).encode()

    @property
    def subject(self) -> str:
        """Name of the registered subject."""
        return self.actor.user.name

    @property
    def decision(self) -> str:
        """``allowed`` or ``denied`` where something was decided, else empty."""
        return {ALLOWED: "allowed", DENIED: "denied"}.get(self.action_id or 0, "")

    @property
    def policy(self) -> Policy | None:
        """The rule that decided and the digest of its policy."""
        return self.actor.authorizations[0].policy if self.actor.authorizations else None

    @property
    def activity(self) -> str:
        """What was done, in a word."""
        if self.api is not None:
            return self.api.operation
        if self.class_uid == AUTHENTICATION:
            return "session.open" if self.activity_id == 1 else "session.close"
        return self.message.partition(" ")[0]


def read(body: bytes) -> Event:
    """Read an event back.

    Raises:
        EventError: the bytes are not one of the appliance's events.
    """
    try:
        return Event.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from error


def printable(text: str, limit: int = 1024) -> str:
    """Untrusted text made fit to be recorded: unseen characters as ``%xx`` of their UTF-8, cut at ``limit``."""
    seen = re.sub(f"[{_UNSEEN}\ud800-\udfff]", _percent, text)
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


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
    return _event(
        scope,
        subject,
        API_ACTIVITY,
        _METHODS.get(call.method, 99),
        verdict,
        message=f"{subject} {verb} {call.action} {call.path}"[:4096],
        workload=workload,
        api=_api(scope, call.action),
        session=Session(uid_alt=working) if working else None,
        http_request=HttpRequest(http_method=call.method, url=Url(path=call.path)),
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
        session=Session(uid_alt=working),
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
        resources=(Resource(type="container", name=container), _resource(image)),
    )


def inference(
    scope: Scope, subject: str, model: Entity, lineage: Lineage, *, detail: dict[str, JsonValue] | None = None
) -> Event:
    """A model answered: digests of prompt and answer, sizes and parameters in ``detail``, never their text."""
    return _event(
        scope,
        subject,
        API_ACTIVITY,
        1,
        None,
        message=f"{model.name} answered {subject}",
        api=_api(scope, "inference.complete"),
        ai_model=AiModel(name=model.name, uid=model.digest or None),
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
    lineage: Lineage | None = None,
    detail: dict[str, JsonValue] | None = None,
    **parts: object,
) -> Event:
    allowed = verdict is None or verdict.allowed
    authorizations = None
    if verdict is not None:
        policy = Policy(name=verdict.rule, uid=verdict.policy)
        authorizations = (Authorization(decision="allowed" if allowed else "denied", policy=policy),)
    try:
        return Event.model_validate(
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
                "actor": Actor(user=Named(name=subject), invoked_by=workload, authorizations=authorizations),
                "src_endpoint": Named(name=scope.enclave),
                "metadata": Metadata(
                    correlation_uid=scope.request, profiles=("ai_operation",) if "ai_model" in parts else None
                ),
                "unmapped": Unmapped(
                    enclave=scope.enclave,
                    reason=(verdict.reason or None) if verdict else None,
                    inputs=(lineage.inputs or None) if lineage else None,
                    outputs=(lineage.outputs or None) if lineage else None,
                    detail=detail or None,
                ),
                **parts,
            }
        )
    except ValidationError as error:
        raise _refusal(error) from error


def _api(scope: Scope, operation: str) -> Api:
    return Api(
        operation=operation,
        service=Named(name=scope.service) if scope.service else None,
        request=RequestId(uid=scope.request) if scope.request else None,
    )


def _resource(entity: Entity) -> Resource:
    return Resource(type=entity.kind, name=entity.name, uid=entity.digest or None)


def _check(value: JsonValue, depth: int = 0) -> None:
    """Refuse unseen characters and deep nesting anywhere in ``value``."""
    if depth > 8:
        raise ValueError("more than eight levels deep")
    if isinstance(value, str):
        if re.search(f"[{_UNSEEN}]", value):
            raise ValueError("control or direction characters")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in match[0].encode(errors="surrogateescape"))


def _refusal(error: ValidationError) -> EventError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return EventError(
        f"the event's {place or 'fields'}: {first['msg']}", rule="appliance.audit.events, forms of the fields"
    )
