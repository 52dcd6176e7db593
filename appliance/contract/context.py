"""Contexts: what the monitor decided about one request, bound so that it serves for nothing else.

A context is made by the monitor, added to the request by the gateway as the header ``X-Appliance-Context``, and
verified by the service and by its database. Text form: ``v2.<payload>.<signature>.<code>``. The payload is base64url
of JSON. It has two seals, each over all that is before it. The signature is Ed25519 (RFC 8032) in base64url without
padding, which a service can verify and not make. The code is HMAC-SHA-256 (RFC 2104) in hexadecimal for the database's
``admit``, under a key that no service can read.
"""

import base64
import binascii
import hmac
import time
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError
from appliance.markings import Clearance, Reader

HEADER = "X-Appliance-Context"
VERSION = "v2"
LIFETIME = 60
"""Most seconds for which a context holds, that of a stream included: what it allows begins within them."""


class Verifies(Protocol):
    """A public key, or several of which one has to verify (:class:`appliance.contract.known_keys.KnownKeys`)."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises InvalidSignature where ``signature`` is not of ``data``."""


class ContextError(ApplianceError):
    """A context is absent, forged, expired, used, or was made for another request."""


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
        groups: the need-to-know groups of the subject; of a workload, those of what its job uses.
        level: the subject's effective level: the lower of clearance and working level (U, CUI, C, S, TS).
        need: the controls that the subject, or the person for whom a workload acts, holds of those of the enclave.
        nationalities: all nationalities of the subject, or of the person for whom a workload acts.
        label: encoded label of the enclave.
        working: encoded label of the session.
        job: identifier of the granted job, for workloads.
        model: the one model that the job may ask.
        purpose: what the job is for.
        originator_decision: reference of the originator's decision that covers this person and path, if there is one;
            without it a service lets nothing under ORCON leave.
        expires: seconds since the epoch after which the context is void.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str = Field(min_length=1, max_length=64)
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
    model: str | None = None
    purpose: str | None = None
    originator_decision: str | None = None
    expires: int

    @property
    def reader(self) -> Reader:
        """Who asks, as what limits readers sees them."""
        clearance = Clearance(self.level, frozenset(self.need), frozenset(self.nationalities))
        return Reader(clearance, frozenset(self.groups), released=self.originator_decision is not None)

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in ("GET", "HEAD")


def seal(context: Context, signing_key: Ed25519PrivateKey, admission_key: bytes) -> str:
    """The header value for ``context``.

    Args:
        context: what was decided.
        signing_key: the monitor's own.
        admission_key: the 32 bytes that the monitor shares with the database of the context's service.
    """
    body = f"{VERSION}.{base64.urlsafe_b64encode(context.model_dump_json(exclude_none=True).encode()).decode()}"
    signature = base64.urlsafe_b64encode(signing_key.sign(body.encode())).decode().rstrip("=")
    body = f"{body}.{signature}"
    return f"{body}.{hmac.digest(admission_key, body.encode(), 'sha256').hex()}"


def open_context(token: str, public_key: Verifies, *, service: str, method: str, path: str) -> Context:
    """Verify ``token`` for exactly this request.

    Raises:
        ContextError: the signature, the version, the service, the method, the path or the expiry does not hold.
    """
    context = verified(token, public_key)
    if (context.service, context.method, context.path) != (service, method, path):
        raise ContextError(f"the context was made for {context.method} {context.path} of {context.service}")
    return context


def verified(token: str, public_key: Verifies) -> Context:
    """What the monitor signed, whichever request it was for, if it still holds.

    Raises:
        ContextError: the signature, the version or the expiry does not hold.
    """
    parts = token.split(".")
    if len(parts) != 4 or parts[0] != VERSION:
        raise ContextError("the context is of another version")
    try:
        public_key.verify(_decoded(parts[2]), f"{VERSION}.{parts[1]}".encode())
        context = Context.model_validate_json(_decoded(parts[1]))
    except InvalidSignature as error:
        raise ContextError(
            "the context was not made by this host's monitor", rule="contexts carry the monitor's signature"
        ) from error
    except (ValidationError, ValueError) as error:
        raise ContextError("the context cannot be read") from error
    if context.expires < time.time():
        raise ContextError("the context has expired")
    return context


def _decoded(text: str) -> bytes:
    """Base64url, padded or not.

    Raises:
        ValueError: it is something else.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


class Once:
    """Which requests have been served, so that none of them is served again while its context holds."""

    def __init__(self) -> None:
        self._served: dict[str, int] = {}
        self._next_look = 0.0

    def take(self, context: Context) -> None:
        """Count the request of ``context`` as served.

        Raises:
            ContextError: it was before.
        """
        now = time.time()
        if now > self._next_look:
            self._next_look = now + LIFETIME
            self._served = {request: expires for request, expires in self._served.items() if expires >= now}
        if context.request in self._served:
            raise ContextError("the context was used before", rule="a context serves for one request")
        self._served[context.request] = context.expires
