"""What the monitor answers to the services of an enclave: records made durable, and grants for jobs."""

import time

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from appliance.audit.events.kinds import Entity, Lineage
from appliance.audit.events.schema import EventError
from appliance.contract.manifest import Activity, Manifest
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError, first_finding
from appliance.monitor.decide.context import Context, ContextError, open_context, payload_of
from appliance.monitor.decide.grants import Grant, GrantError, open_grant, seal_grant
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force.current import InForce
from appliance.monitor.record.recording import Recording

GRANT_SECONDS = 6 * 3600
MAXIMUM_TOKEN = 8192


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    digest: str = ""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    activity: Activity
    context: str | None = Field(default=None, max_length=MAXIMUM_TOKEN)
    grant: str | None = Field(default=None, max_length=MAXIMUM_TOKEN)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    detail: dict[str, JsonValue] = {}
    model: _Model | None = None


class _GrantRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    context: str = Field(max_length=MAXIMUM_TOKEN)
    job: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    model: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")


class _Cosignature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    context: str = Field(max_length=MAXIMUM_TOKEN)
    note: str = Field(max_length=20_000)


class UnattributedError(ApplianceError):
    """A service asked for a record that is not its own, or in nobody's name."""


class Records:
    """Answers the services of all enclaves; the daemon says which service of which enclave asks.

    Nothing of who, where and which service comes from what a service says: enclave and service are those of the socket,
    the subject is the one in a context or grant that this monitor sealed for exactly that service, and the activity is
    one that the service's manifest lists. What cannot be attributed so is refused, and recorded as a finding.

    Args:
        in_force: keys and policy.
        recording: the way to the log.
    """

    def __init__(self, in_force: InForce, recording: Recording) -> None:
        self._force = in_force
        self._recording = recording

    async def handle(self, enclave: Enclave, service: Manifest, request: HttpRequest) -> HttpResponse:
        """Answer one request of ``service`` in ``enclave``."""
        try:
            return await self._answer(enclave, service, request)
        except ValidationError as error:
            return json_response(422, {"error": first_finding(error)})
        except EventError as error:
            return json_response(422, {"error": error.message})
        except (ContextError, GrantError, UnattributedError) as error:
            return await self._unattributed(enclave, service, error.message)
        except ApplianceError as error:
            return json_response(503, {"error": error.message})

    async def _answer(self, enclave: Enclave, service: Manifest, request: HttpRequest) -> HttpResponse:
        if (request.method, request.path) == ("POST", "/record"):
            return await self._record(enclave, service, _Record.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/grant"):
            return await self._grant(enclave, service, _GrantRequest.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/cosign") and enclave.system_high and service.system_high:
            asked = _Cosignature.model_validate_json(request.body)
            officer = self._context(enclave, service, asked.context).subject
            receipt = await self._recording.cosign(enclave, service.name, officer, asked.note.encode())
            return json_response(200, {"receipt": receipt})
        return json_response(404, {"error": "not found"})

    async def _unattributed(self, enclave: Enclave, service: Manifest, problem: str) -> HttpResponse:
        try:
            await self._recording.unattributed(enclave, service.name, problem)
        except ApplianceError as error:
            return json_response(503, {"error": error.message})
        return json_response(403, {"error": problem})

    async def _record(self, enclave: Enclave, service: Manifest, record: _Record) -> HttpResponse:
        if record.activity not in service.activities:
            raise UnattributedError(f"{service.name} may not record {record.activity}: its manifest does not list it")
        subject, known = self._subject(enclave, service, record)
        lineage = Lineage(inputs=record.inputs, outputs=record.outputs)
        named = record.model
        model = Entity(kind="model", name=named.name, digest=named.digest) if named else None
        receipt = await self._recording.activity(
            enclave, service.name, subject, record.activity, lineage, record.detail | known, model
        )
        return json_response(200, {"receipt": receipt})

    def _subject(self, enclave: Enclave, service: Manifest, record: _Record) -> tuple[str, dict[str, JsonValue]]:
        """Who does it, and what else the monitor knows of it: the request, the job, for whom."""
        if record.context is not None and record.grant is None:
            context = self._context(enclave, service, record.context)
            known = {"request": context.request, "on_behalf_of": context.on_behalf_of, "job": context.job}
            return context.subject, {name: value for name, value in known.items() if value is not None}
        if record.grant is not None and record.context is None:
            grant = open_grant(
                record.grant, self._force.grant_key, service=service.name, enclave=enclave.name, now=time.time()
            )
            return grant.subject, {"job": grant.job}
        raise UnattributedError("a record is made in somebody's name: by a context or by a grant")

    async def _grant(self, enclave: Enclave, service: Manifest, asked: _GrantRequest) -> HttpResponse:
        context = self._context(enclave, service, asked.context)
        if context.working != enclave.encoded:
            raise ContextError("a job runs at the working level of the person who starts it")
        grant = Grant(
            job=asked.job,
            service=service.name,
            enclave=enclave.name,
            model=asked.model,
            subject=context.subject,
            label=enclave.encoded,
            expires=int(time.time()) + GRANT_SECONDS,
        )
        detail: dict[str, JsonValue] = {"job": grant.job, "model": grant.model, "request": context.request}
        await self._recording.activity(enclave, service.name, context.subject, "job.grant", Lineage(), detail)
        return json_response(200, {"grant": seal_grant(grant, self._force.grant_key), "expires": grant.expires})

    def _context(self, enclave: Enclave, service: Manifest, token: str) -> Context:
        """The context in ``token``, if this monitor sealed it for ``service`` in ``enclave`` and it still holds."""
        claimed = payload_of(token)
        key = self._force.context_keys.get((enclave.name, service.name))
        if key is None or claimed.enclave != enclave.name:
            raise ContextError("the context is another enclave's")
        return open_context(token, key, service=service.name, method=claimed.method, path=claimed.path)
