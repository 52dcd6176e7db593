"""Job grants: the monitor's own signed word that a job runs for a person, so that it can outlast their request."""

import base64
import binascii
import hashlib
import hmac
import json

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.errors import ApplianceError


class GrantError(ApplianceError):
    """A grant is forged, expired or another enclave's."""


class Grant(BaseModel):
    """What a job may do.

    Attributes:
        job: identifier of the job, chosen by the service that runs it.
        service: the service that runs it.
        enclave: its enclave.
        model: the model it may call.
        subject: the person who started it.
        label: encoded label of the enclave.
        expires: seconds since the epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: str
    service: str
    enclave: str
    model: str
    subject: str
    label: str
    expires: int


def seal_grant(grant: Grant, key: bytes) -> str:
    """The token for ``grant`` under the monitor's own key, which no service knows."""
    body = "v1." + base64.urlsafe_b64encode(json.dumps(grant.model_dump(), sort_keys=True).encode()).decode()
    return f"{body}.{hmac.new(key, body.encode(), hashlib.sha256).hexdigest()}"


def open_grant(token: str, key: bytes, *, service: str, enclave: str, now: float) -> Grant:
    """Verify ``token`` for the workload of ``service`` in ``enclave``.

    Raises:
        GrantError: it does not hold.
    """
    body, _, given = token.rpartition(".")
    if not hmac.compare_digest(hmac.new(key, body.encode(), hashlib.sha256).hexdigest().encode(), given.encode()):
        raise GrantError("the job grant is not this monitor's", rule="workload.grant-forged")
    try:
        grant = Grant.model_validate_json(base64.urlsafe_b64decode(body.removeprefix("v1.")))
    except (ValidationError, binascii.Error) as error:
        raise GrantError("the job grant cannot be read", rule="workload.grant-forged") from error
    if (grant.service, grant.enclave) != (service, enclave):
        raise GrantError("the job grant is another workload's", rule="workload.grant-of-another")
    if grant.expires < now:
        raise GrantError("the job grant has expired", rule="workload.grant-expired")
    return grant
