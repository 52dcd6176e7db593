"""Job grants: the monitor's own word that a job runs for a person, so that it can outlast their request.

A service keeps the token. It shows it at the enclave's gateway, which gets a fresh context for each call of the job, or
to the monitor, which gives a fresh context for the service's own database. Only the monitor verifies it.
Text form: ``v2.<base64url of JSON>.<hex HMAC-SHA-256>``.
"""

import base64
import binascii
import hmac
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError

VERSION = "v2"
LONGEST = 6 * 3600
"""Most seconds that a job lasts."""

MOST_CALLS = 100_000
"""Most calls that one job makes."""

JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
Purpose = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
Calls = Annotated[int, Field(ge=1, le=MOST_CALLS)]
Groups = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")], ...], Field(max_length=32)]


class GrantError(ApplianceError):
    """A grant is forged, expired, used up, another enclave's, or its person may not run the job any more."""


class Grant(BaseModel):
    """What a job may do.

    Attributes:
        job: identifier of the job, chosen by the service that runs it.
        service: the service that runs it.
        enclave: its enclave.
        model: the one model that it may ask, or None: then it asks none, and goes through no gateway.
        purpose: what it is for, in a word, for example ``evaluation``.
        subject: the person who started it.
        label: encoded label of the enclave.
        groups: need-to-know groups of what the job uses: its results are for who is a member of each.
        method: HTTP method of the request that started it.
        path: path of that request. While its person may make it, the job goes on; empty in grants of earlier versions.
        calls: how many calls through the gateway it may make, and how many fresh contexts it may have, together.
        expires: seconds since the epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: JobName
    service: str
    enclave: str
    model: JobName | None = None
    purpose: Purpose
    subject: str
    label: str
    groups: Groups = ()
    method: str = "POST"
    path: str = ""
    calls: Calls
    expires: int


def seal_grant(grant: Grant, key: bytes) -> str:
    """The token for ``grant`` under the monitor's own key, which no service knows."""
    payload = json.dumps(grant.model_dump(), sort_keys=True, separators=(",", ":"))
    body = f"{VERSION}.{base64.urlsafe_b64encode(payload.encode()).decode()}"
    return f"{body}.{hmac.digest(key, body.encode(), 'sha256').hex()}"


def open_grant(token: str, key: bytes, *, service: str, enclave: str, now: float) -> Grant:
    """Verify ``token`` for the workload of ``service`` in ``enclave``.

    Raises:
        GrantError: it does not hold.
    """
    body, _, given = token.rpartition(".")
    if not hmac.compare_digest(hmac.digest(key, body.encode(), "sha256").hex().encode(), given.encode()):
        raise GrantError("the job grant is not this monitor's", rule="workload.grant-forged")
    try:
        grant = Grant.model_validate_json(base64.urlsafe_b64decode(body.removeprefix(f"{VERSION}.")))
    except (ValidationError, binascii.Error) as error:
        raise GrantError("the job grant cannot be read", rule="workload.grant-forged") from error
    if (grant.service, grant.enclave) != (service, enclave):
        raise GrantError("the job grant is another workload's", rule="workload.grant-of-another")
    if grant.expires < now:
        raise GrantError("the job grant has expired", rule="workload.grant-expired")
    return grant
