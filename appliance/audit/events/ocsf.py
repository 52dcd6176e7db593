"""The form of the log's events: OCSF 1.8.0 JSON, each beginning with its label.

What OCSF has no attribute for (enclave, rule, digest of the policy, lineage) stands in OCSF's ``unmapped``. OCSF has no
class for inference yet, so inference is API activity with the profile ``ai_operation``. ``schemas/`` has OCSF's own
definitions, against which every event is checked before it is recorded.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from appliance import __version__
from appliance.audit.events import schema
from appliance.audit.events.schema import EventError
from appliance.audit.events.text import Digest, Text, Word, check_plain

OCSF_VERSION = "1.8.0"
API_ACTIVITY, AUTHENTICATION, ENTITY_MANAGEMENT = 6003, 3002, 3004
INFORMATIONAL, MEDIUM = 1, 3
ALLOWED, DENIED = 1, 2
SUCCESS, FAILURE = 1, 2

Method = Literal["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
Profile = Literal["ai_operation", "host", "security_control"]


class Model(BaseModel):
    """Fields are as given or refused; unknown ones too."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Named(Model):
    """An OCSF object of which the name alone is known."""

    name: Word


class Policy(Model):
    """OCSF policy: the rule that decided, and the digest of the policy it stands in."""

    name: Word
    uid: Digest


class Authorization(Model):
    """OCSF authorization."""

    decision: Literal["allowed", "denied"]
    policy: Policy


class Session(Model):
    """OCSF session: the label it works at."""

    uid_alt: Word


class Actor(Model):
    """OCSF actor; ``app_name`` is the workload that acted for the user, ``session`` the one they work in."""

    user: Named
    app_name: Word | None = None
    session: Session | None = None
    authorizations: tuple[Authorization, ...] | None = None


class RequestId(Model):
    """OCSF request."""

    uid: Word


class Api(Model):
    """OCSF API: what was asked of which service."""

    operation: Text
    service: Named | None = None
    request: RequestId | None = None


class Url(Model):
    """OCSF URL, the path alone: a query may be content."""

    path: Text


class HttpRequest(Model):
    """OCSF HTTP request; a method that OCSF does not list stands in ``unmapped.detail``."""

    http_method: Method | None = None
    url: Url


class Resource(Model):
    """OCSF resource or managed entity."""

    type: Word
    name: Word
    uid: Digest | None = None


class AiModel(Model):
    """OCSF AI model."""

    name: Word
    ai_provider: Word = "appliance"
    uid: Digest | None = None


class Product(Model):
    """OCSF product."""

    name: str = "appliance"
    vendor_name: str = "appliance"
    version: str = __version__


class Metadata(Model):
    """OCSF metadata."""

    version: str = OCSF_VERSION
    product: Product = Product()
    correlation_uid: Word | None = None
    profiles: tuple[Profile, ...] | None = None


def _plain(detail: dict[str, JsonValue]) -> dict[str, JsonValue]:
    check_plain(detail)
    return detail


class Unmapped(Model):
    """What OCSF has no attribute for."""

    enclave: Word
    reason: Text | None = None
    inputs: tuple[Digest, ...] | None = Field(default=None, max_length=1000)
    outputs: tuple[Digest, ...] | None = Field(default=None, max_length=1000)
    detail: Annotated[dict[Word, JsonValue], AfterValidator(_plain)] | None = None


class Event(Model):
    """One event as the log holds it. The label comes first; the log refuses an event that begins otherwise."""

    label: Word
    class_uid: int
    category_uid: int
    activity_id: int
    type_uid: int
    time: int
    severity_id: Literal[0, 1, 2, 3, 4, 5, 6, 99]
    status_id: Literal[0, 1, 2, 99]
    action_id: Literal[0, 1, 2, 3, 4, 99] | None = None
    message: Text
    actor: Actor
    api: Api | None = None
    http_request: HttpRequest | None = None
    src_endpoint: Named | None = None
    resources: tuple[Resource, ...] | None = None
    entity: Resource | None = None
    user: Named | None = None
    dst_endpoint: Named | None = None
    ai_model: AiModel | None = None
    metadata: Metadata
    unmapped: Unmapped

    def record(self) -> tuple[str, bytes]:
        """The pair that ``Log.append`` takes: the encoded label and the event's bytes, checked against OCSF.

        Raises:
            EventError: OCSF defines its class otherwise.
        """
        body = self.model_dump_json(exclude_none=True).encode()
        schema.check(body)
        return self.label, body

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
    def working(self) -> str:
        """Encoded label of the session in which it was asked, or empty."""
        return self.actor.session.uid_alt if self.actor.session else ""

    @property
    def request(self) -> str:
        """Method and path of the HTTP request, or empty."""
        if self.http_request is None:
            return ""
        method = self.http_request.http_method or (self.unmapped.detail or {}).get("method", "")
        return f"{method} {self.http_request.url.path}"

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
        raise refusal(error) from error


def refusal(error: ValidationError) -> EventError:
    """The one error that names the first wrong field."""
    errors = error.errors(include_url=False, include_input=False)
    first = min(errors, key=lambda one: one["loc"] == ("message",))  # the message repeats what other fields have
    place = ".".join(str(part) for part in first["loc"])
    return EventError(
        f"the event's {place or 'fields'}: {first['msg']}", rule="appliance.audit.events.ocsf, forms of the fields"
    )
