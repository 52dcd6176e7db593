"""Contexts: what the monitor decided about one request, bound so that it serves for nothing else.

A context is made by the monitor, added to the request by the gateway as the header ``X-Appliance-Context``, and
verified by the service and by its database. Text form: ``v1.<base64url payload>.<hex HMAC-SHA-256>``, the HMAC over
``v1.<base64url payload>`` with the key of that service in that enclave.
"""

import base64
import binascii
import hashlib
import hmac
import time

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.errors import ApplianceError

HEADER = "X-Appliance-Context"
VERSION = "v1"


class ContextError(ApplianceError):
    """A context is absent, forged, expired, or was made for another request."""


class Context(BaseModel):
    """One decision of the monitor, as a service sees it.

    Attributes:
        request: identifier of the request, 32 hexadecimal digits; also in the audit record.
        enclave: name of the enclave whose gateway asked.
        service: the service the request is for.
        method: HTTP method.
        path: path of the request as sent, without the query.
        action: what the access policy calls this request, for example ``read``.
        subject: name of the registered subject, or ``service:<name>`` for a workload.
        on_behalf_of: the subject for whom a workload acts, or None.
        roles: the subject's roles.
        groups: the subject's need-to-know groups.
        level: the subject's effective level: the lower of clearance and working level (U, CUI, C, S, TS).
        need: the controls the subject holds.
        nationalities: all nationalities of the subject.
        label: encoded label of the enclave.
        working: encoded label of the session.
        job: identifier of the granted job, for workloads.
        originator_decision: reference of the originator's decision that covers this person and path, if there is one;
            without it a service lets nothing under ORCON leave.
        expires: seconds since the epoch after which the context is void.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str
    enclave: str
    service: str
    method: str
    path: str
    action: str
    subject: str
    on_behalf_of: str | None = None
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    level: str
    need: tuple[str, ...] = ()
    nationalities: tuple[str, ...] = ()
    label: str
    working: str
    job: str | None = None
    originator_decision: str | None = None
    expires: int


def seal(context: Context, key: bytes) -> str:
    """The header value for ``context`` under the 32-byte ``key`` of its service."""
    body = f"{VERSION}.{base64.urlsafe_b64encode(context.model_dump_json().encode()).decode()}"
    return f"{body}.{hmac.digest(key, body.encode(), 'sha256').hex()}"


def open_context(token: str, key: bytes, *, service: str, method: str, path: str) -> Context:
    """Verify ``token`` for exactly this request.

    Raises:
        ContextError: the HMAC, the version, the service, the method, the path or the expiry does not hold.
    """
    body, _, given = token.rpartition(".")
    if not hmac.compare_digest(hmac.new(key, body.encode(), hashlib.sha256).hexdigest().encode(), given.encode()):
        raise ContextError("the context was not made by this host's monitor", rule="contexts carry the monitor's HMAC")
    context = payload_of(token)
    if (context.service, context.method, context.path) != (service, method, path):
        raise ContextError(f"the context was made for {context.method} {context.path} of {context.service}")
    if context.expires < time.time():
        raise ContextError("the context has expired")
    return context


def payload_of(token: str) -> Context:
    """What ``token`` claims, NOT verified; only to find the key it must verify under.

    Raises:
        ContextError: it cannot be read.
    """
    version, _, rest = token.partition(".")
    try:
        if version != VERSION:
            raise ContextError("the context is of another version")
        return Context.model_validate_json(base64.urlsafe_b64decode(rest.rpartition(".")[0]))
    except (ValidationError, binascii.Error, ValueError) as error:
        raise ContextError("the context cannot be read") from error
