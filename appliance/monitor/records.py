"""What the monitor answers to the services of an enclave: records made durable, and grants for jobs."""

import time

import structlog
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from appliance.audit.events import Entity, Lineage
from appliance.audit.schema import EventError
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError, first_finding
from appliance.monitor.context import Context, ContextError, open_context, payload_of
from appliance.monitor.grants import Grant, seal_grant
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force import InForce
from appliance.monitor.recording import Recording

GRANT_SECONDS = 6 * 3600
log = structlog.get_logger()


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    digest: str = ""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    activity: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=100)
    subject: str = Field(min_length=1, max_length=200)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    detail: dict[str, JsonValue] = {}
    model: _Model | None = None


class _GrantRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    context: str
    job: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    model: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")


class _Cosignature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1, max_length=200)
    note: str = Field(max_length=20_000)


class Records:
    """Answers the services of all enclaves; the daemon says which enclave asks.

    Args:
        in_force: keys and policy.
        recording: the way to the log.
    """

    def __init__(self, in_force: InForce, recording: Recording) -> None:
        self._force = in_force
        self._recording = recording

    async def handle(self, enclave: Enclave, request: HttpRequest) -> HttpResponse:
        """Answer one request of a service of ``enclave``."""
        try:
            if (request.method, request.path) == ("POST", "/record"):
                return await self._record(enclave, _Record.model_validate_json(request.body))
            if (request.method, request.path) == ("POST", "/grant"):
                return await self._grant(enclave, request.peer, _GrantRequest.model_validate_json(request.body))
            if (request.method, request.path) == ("POST", "/cosign") and enclave.system_high:
                asked = _Cosignature.model_validate_json(request.body)
                receipt = await self._recording.cosign(enclave, asked.subject, asked.note.encode())
                return json_response(200, {"receipt": receipt})
        except ValidationError as error:
            return json_response(422, {"error": first_finding(error)})
        except EventError as error:
            return json_response(422, {"error": error.message})
        except ApplianceError as error:
            return json_response(403 if isinstance(error, ContextError) else 503, {"error": error.message})
        return json_response(404, {"error": "not found"})

    async def _record(self, enclave: Enclave, record: _Record) -> HttpResponse:
        lineage = Lineage(inputs=record.inputs, outputs=record.outputs)
        named = record.model
        model = Entity(kind="model", name=named.name, digest=named.digest) if named else None
        receipt = await self._recording.activity(
            enclave, record.subject, record.activity, lineage, record.detail, model
        )
        return json_response(200, {"receipt": receipt})

    async def _grant(self, enclave: Enclave, peer: int | None, asked: _GrantRequest) -> HttpResponse:
        context = self._context(enclave, asked.context)
        if peer != enclave.uids + self._force.catalogue[context.service].uid:
            raise ContextError("the context is another service's")
        grant = Grant(
            job=asked.job,
            service=context.service,
            enclave=enclave.name,
            model=asked.model,
            subject=context.subject,
            label=enclave.encoded,
            expires=int(time.time()) + GRANT_SECONDS,
        )
        detail: dict[str, JsonValue] = {"job": grant.job, "model": grant.model, "service": grant.service}
        await self._recording.activity(enclave, context.subject, "job.grant", Lineage(), detail)
        return json_response(200, {"grant": seal_grant(grant, self._force.grant_key), "expires": grant.expires})

    def _context(self, enclave: Enclave, token: str) -> Context:
        claimed = payload_of(token)
        key = self._force.context_keys.get((enclave.name, claimed.service))
        if key is None or claimed.enclave != enclave.name:
            raise ContextError("the context is another enclave's")
        context = open_context(token, key, service=claimed.service, method=claimed.method, path=claimed.path)
        if context.working != enclave.encoded:
            raise ContextError("a job runs at the working level of the person who starts it")
        return context
