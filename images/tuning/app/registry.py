"""What people do with adapters: enter their certificates, change their states, purge what descends from a record."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.certificate import Certificate, keys_of, verify
from appliance.service.database import Row, database_of
from appliance.service.objects import Volume
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import not_found
from workbench.tuning.states import LOADABLE

from .settings import TuningSettings
from .store import adapters

Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class Change(BaseModel):
    """A change of state; ``certified`` is not asked for, a certificate brings it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["candidate", "certified", "serving", "suspended", "revoked", "erased"]
    reason: Reason


class Purge(BaseModel):
    """A record that was spilled or poisoned, or the digest of a whole version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern="^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(sha256:)?[0-9a-f]{64})$")]
    reason: Reason


async def change(request: Request, sha256: str, wanted: Change) -> None:
    """Bring an adapter to another state; recorded before it takes effect.

    Raises:
        ApplianceError: there is no such way, or it needs a certificate.
        HTTPException: 404: there is none, or not for this reader.
    """
    if wanted.state == "certified":
        async with database_of(request).transaction(request, writes=False) as transaction:
            before = await adapters.adapter(transaction, sha256)
        if before["state"] != "serving":
            raise ApplianceError(
                "an adapter is certified by its certificate", rule="nobody certifies by a click",
                remedy="enter the certificate",
            )  # fmt: skip
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        await adapters.change(transaction, one, wanted.state, wanted.reason)
        await _record(request, "adapter.change", one, detail={"state": wanted.state})
    if wanted.state == "erased":
        _volume(request).remove(one["object"])


async def certify(request: Request, sha256: str, envelope: bytes) -> None:
    """Enter the certificate of an adapter: it must be of this adapter, signed by who may, and not have ended.

    Raises:
        ApplianceError: it is none, or of something else.
        HTTPException: 404: there is no such adapter, or not for this reader.
    """
    own: TuningSettings = request.app.state.own
    certificate, signers = verify(envelope, "certificate", keys_of(own.certifiers), officers=keys_of(own.officers))
    digest = hashlib.sha256(envelope).hexdigest()
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        _is_of(certificate, one)
        await adapters.change(transaction, one, "certified", f"tier {certificate.tier}, by {', '.join(signers)}")
        results = certificate.evaluation.results_sha256
        await adapters.told(transaction, one, "evaluation", certificate.evaluation.job, results)
        await adapters.told(transaction, one, "certificate", certificate.tier, digest)
        await _record(request, "adapter.link", one, outputs=[f"sha256:{digest}", f"sha256:{results}"])


async def purge(request: Request, wanted: Purge) -> None:
    """Suspend every adapter that descends from what is named, whoever may know of it; recorded before."""
    name = wanted.name.removeprefix("sha256:")
    async with database_of(request).transaction(request) as transaction:
        await adapters.purge(transaction, name, wanted.reason)
        named = [f"sha256:{name}"] if len(name) == 64 else []
        detail = {} if named else {"task": name}
        await monitor_of(request).record("tuning.purge", token_of(request), inputs=named, detail=detail)


async def file_of(request: Request, context: CurrentContext, sha256: str) -> tuple[Row, bytes]:
    """The file of an adapter, for who may receive it; recorded before it leaves.

    Raises:
        ApplianceError: it is suspended, revoked or erased, or not what its name says.
        HTTPException: 404: there is none, or not for this reader.
    """
    async with database_of(request).transaction(request) as transaction:
        one = await adapters.adapter(transaction, sha256)
        if not context.reader.can_receive(Restriction.decode(one["restriction"])):
            raise not_found()
        if one["state"] not in LOADABLE:
            raise ApplianceError(
                f"the adapter is {one['state']}: {one['reason']}", rule=f"an adapter leaves as {', '.join(LOADABLE)}"
            )
        data = b"".join(_volume(request).content(one["object"], bytes(one["key"]), one["size"]).parts())
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ApplianceError("the file is damaged", rule="an adapter is named by its content")
        await _record(request, "adapter.export", one)
    return one, data


def _volume(request: Request) -> Volume:
    found: Volume = request.app.state.volume
    return found


def _is_of(certificate: Certificate, one: Row) -> None:
    """Refuse the certificate of something else."""
    bound = certificate.evaluation.parameters.get("adapter") or {}
    if bound.get("sha256") != one["sha256"] or certificate.evaluation.model.sha256 != one["card"]["base"]["sha256"]:
        raise ApplianceError(
            "the certificate is of another model or adapter",
            rule="a certificate binds the base and the digest of the adapter",
            remedy="enter the certificate of this adapter's evaluation",
        )


async def _record(
    request: Request, activity: str, one: Row, outputs: list[str] | None = None, detail: dict[str, str] | None = None
) -> None:
    await monitor_of(request).record(
        activity, token_of(request), inputs=[f"sha256:{one['sha256']}"], outputs=outputs or [], detail=detail or {},
        restriction=Restriction.decode(one["restriction"]),
    )  # fmt: skip


def identifier(name: str) -> UUID | None:
    """The record that ``name`` names, or None."""
    try:
        return UUID(name)
    except ValueError:
        return None
