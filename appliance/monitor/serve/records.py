"""What the monitor answers to the services of an enclave: records made durable, grants for jobs, pages published."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from appliance.audit.events.kinds import Entity, Lineage
from appliance.audit.events.schema import EventError
from appliance.contract import digest
from appliance.contract.context import Context, ContextError, seal, verified
from appliance.contract.grant import (
    LONGEST,
    Calls,
    Grant,
    GrantError,
    Groups,
    JobName,
    Purpose,
    open_grant,
    seal_grant,
)
from appliance.contract.manifest import Activity, Manifest
from appliance.enclave.site import Enclave
from appliance.errors import ApplianceError, first_finding
from appliance.markings import Restriction, dominates
from appliance.monitor.decide.identity import IdentityError
from appliance.monitor.decide.jobs import Jobs
from appliance.monitor.decide.policy import JOB
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force.current import InForce
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.continued import continued
from appliance.monitor.serve.publications import Kind, PublicationError, Publications

MAXIMUM_TOKEN = 8192


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    digest: str = ""


def _canonical(text: str) -> str:
    return Restriction.decode(text).encode()


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    activity: Activity
    context: str | None = Field(default=None, max_length=MAXIMUM_TOKEN)
    grant: str | None = Field(default=None, max_length=MAXIMUM_TOKEN)
    inputs: tuple[digest.Given, ...] = ()
    outputs: tuple[digest.Given, ...] = ()
    detail: dict[str, JsonValue] = {}
    model: _Model | None = None
    restriction: Annotated[str, AfterValidator(_canonical)] | None = None


class _GrantRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    context: str = Field(max_length=MAXIMUM_TOKEN)
    job: JobName
    model: JobName | None = None
    purpose: Purpose
    calls: Calls
    groups: Groups = ()
    seconds: Annotated[int, Field(ge=1, le=LONGEST)] = LONGEST


class _Continued(BaseModel):
    model_config = ConfigDict(extra="forbid")

    grant: str = Field(max_length=MAXIMUM_TOKEN)


class _Cosignature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    context: str = Field(max_length=MAXIMUM_TOKEN)
    note: str = Field(max_length=20_000)


class _Publication(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str = Field(max_length=300)
    kind: Kind


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
        jobs: the jobs that were granted.
        publications: the pages that services published.
    """

    def __init__(self, in_force: InForce, recording: Recording, jobs: Jobs, publications: Publications) -> None:
        self._force = in_force
        self._recording = recording
        self._jobs = jobs
        self._publications = publications
        self._one_page = asyncio.Lock()
        self._public_key = in_force.context_keys or in_force.signing_key.public_key()

    async def handle(self, enclave: Enclave, service: Manifest, request: HttpRequest) -> HttpResponse:
        """Answer one request of ``service`` in ``enclave``."""
        try:
            return await self._answer(enclave, service, request)
        except ValidationError as error:
            return json_response(422, {"error": first_finding(error)})
        except (EventError, PublicationError) as error:
            return json_response(422, {"error": error.message})
        except (ContextError, GrantError, IdentityError, UnattributedError) as error:
            return await self._unattributed(enclave, service, error.message)
        except ApplianceError as error:
            return json_response(503, {"error": error.message})

    async def _answer(self, enclave: Enclave, service: Manifest, request: HttpRequest) -> HttpResponse:
        if (request.method, request.path) == ("POST", "/record"):
            return await self._record(enclave, service, _Record.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/grant"):
            return await self._grant(enclave, service, _GrantRequest.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/context"):
            return await self._continue(enclave, service, _Continued.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/publish"):
            return await self._publish(enclave, service, _Publication.model_validate_json(request.body))
        if (request.method, request.path) == ("POST", "/cosign") and enclave.system_high and service.system_high:
            asked = _Cosignature.model_validate_json(request.body)
            officer = self._context(enclave, service, asked.context).subject
            receipt = await self._recording.cosign(enclave, service.name, officer, asked.note.encode())
            return json_response(200, {"receipt": receipt})
        return json_response(404, {"error": "not found"})

    async def _publish(self, enclave: Enclave, service: Manifest, asked: _Publication) -> HttpResponse:
        async with self._one_page:  # copies are for one service at a time, and never in the way of a decision
            await asyncio.to_thread(self._publications.take, enclave, service, asked.path, asked.kind)
        return json_response(200, {"published": asked.path})

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
        if record.restriction is not None:
            if not dominates(enclave.lattice, Restriction.decode(record.restriction).label):
                raise UnattributedError(f"{record.restriction} is not within {enclave.encoded}")
            known["restriction"] = record.restriction
        key = self._force.digest_keys[enclave.name]
        lineage = Lineage(
            inputs=tuple(digest.recorded(one, key) for one in record.inputs),
            outputs=tuple(digest.recorded(one, key) for one in record.outputs),
        )
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
        if context.action != JOB:
            raise GrantError(
                f"the access policy calls {context.method} {context.path} {context.action}, not {JOB}",
                rule="an action that the policy calls a job starts one, and no other",
            )
        if context.job or context.working != enclave.encoded:
            raise GrantError("a job is started by a person who works at the enclave's level")
        if asked.model is not None and asked.model not in enclave.models:
            raise GrantError(f"{enclave.name} has no model {asked.model}")
        now = time.time()
        subject = self._force.subject(context.subject, datetime.fromtimestamp(now, UTC))
        grant = Grant(
            job=asked.job,
            service=service.name,
            enclave=enclave.name,
            model=asked.model,
            purpose=asked.purpose,
            subject=subject.name,
            label=enclave.encoded,
            groups=asked.groups,
            method=context.method,
            path=context.path,
            calls=asked.calls,
            expires=int(now) + asked.seconds,
        )
        if not set(grant.groups) <= set(subject.groups):
            raise GrantError(f"{subject.name} is no member of a group of what the job is to use")
        self._jobs.add(grant, context.request)
        known = grant.model_dump(mode="json", include={"job", "model", "purpose", "groups", "calls", "expires"})
        detail: dict[str, JsonValue] = known | {"request": context.request}
        await self._recording.activity(enclave, service.name, grant.subject, "job.grant", Lineage(), detail)
        return json_response(200, {"grant": seal_grant(grant, self._force.grant_key), "expires": grant.expires})

    async def _continue(self, enclave: Enclave, service: Manifest, asked: _Continued) -> HttpResponse:
        grant = open_grant(
            asked.grant, self._force.grant_key, service=service.name, enclave=enclave.name, now=time.time()
        )
        context = continued(self._force, enclave, grant, datetime.fromtimestamp(time.time(), UTC))
        self._jobs.call(grant)
        detail: dict[str, JsonValue] = {"job": grant.job, "request": context.request, "purpose": grant.purpose}
        await self._recording.activity(enclave, service.name, grant.subject, "job.context", Lineage(), detail)
        key = self._force.admission_keys[enclave.name, service.name]
        return json_response(200, {"context": seal(context, self._force.signing_key, key)})

    def _context(self, enclave: Enclave, service: Manifest, token: str) -> Context:
        """The context in ``token``, if this monitor sealed it for ``service`` in ``enclave`` and it still holds."""
        context = verified(token, self._public_key)
        if (context.enclave, context.service) != (enclave.name, service.name):
            raise ContextError("the context is another service's")
        return context
