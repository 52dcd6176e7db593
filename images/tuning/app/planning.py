"""Before a run: a version is read and judged, and what a run over it would take is told."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.markings import Label, Restriction, controlled, joined, parse_by_any
from appliance.service.database import Row, database_of
from appliance.service.jobs.queue import queue_of
from appliance.service.settings import ServiceSettings
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.tuning import configuration
from workbench.tuning.configuration import Configuration, Plan
from workbench.tuning.duplicates import refuse_duplicates
from workbench.tuning.examples import Example, method_of, refuse_useless
from workbench.tuning.version import Version

from .foundry import Foundry
from .settings import memory
from .store import runs, versions
from .training.tokens import Tokeniser, read_tokeniser

MOST_SAMPLES = 20_000


@dataclass(frozen=True)
class Base:
    """What adapters are made for.

    Attributes:
        name: of the model.
        path: its file.
        sha256: digest of the file.
        tokeniser: its tokens.
        restriction: of the enclave, which a model has here.
    """

    name: str
    path: Path
    sha256: str
    tokeniser: Tokeniser
    restriction: Restriction

    @classmethod
    def read(cls, folder: Path, name: str, settings: ServiceSettings) -> "Base":
        """The base from its file.

        Raises:
            ApplianceError: it is missing, or none that can be tuned.
        """
        path = folder / f"{name}.gguf"
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                tokeniser = read_tokeniser(file, path.name)
        except OSError as error:
            raise ApplianceError(f"{path}: cannot be read: {error.strerror}", remedy="install the model") from error
        obligations = parse_by_any(settings.marking).obligations
        limit = Restriction(Label.decode(settings.label), originator_controlled=controlled(obligations))
        return cls(name, path, sha256, tokeniser, limit)


def base_of(request: Request) -> Base:
    """The base of the enclave."""
    found: Base = request.app.state.base
    return found


def foundry_of(request: Request) -> Foundry:
    """The way to labeling."""
    found: Foundry = request.app.state.foundry
    return found


def limit_of(base: Base, version: Version) -> Restriction:
    """What limits the readers of all that comes of a version: the join of the base and of every record, never lower."""
    return joined(base.restriction, version.restriction)


def judged(version: Version) -> tuple[list[Example], list[Example]]:
    """The samples for training and for validation.

    Raises:
        ApplianceError: the version teaches nothing, too much, or what models are evaluated with.
    """
    training, validation = version.examples("train"), version.examples("validation")
    refuse_useless(training)
    if len(training) + len(validation) > MOST_SAMPLES:
        raise ApplianceError(
            f"{len(training) + len(validation)} samples", rule=f"a run has at most {MOST_SAMPLES}",
            remedy="divide the project",
        )  # fmt: skip
    refuse_duplicates([*training, *validation])
    return training, validation


async def take(request: Request, project: UUID, digest: str) -> str:
    """Read and judge a version for the person of ``request``; afterwards a run over it can be planned.

    Raises:
        ApplianceError: it does not come, is not what its name says, or nothing may be learned from it.
    """
    context, base = context_of(request), base_of(request)
    granted = await queue_of(request).grant(
        request, f"take-{uuid4().hex}", purpose="tuning", calls=8, groups=context.groups, model=base.name
    )
    version = await foundry_of(request).version(granted, project, digest)
    method_of(version.manifest.project["kind"])
    training, validation = await run_in_threadpool(judged, version)
    lengths = await run_in_threadpool(
        lambda: [[base.tokeniser.sample(one).length for one in part] for part in (training, validation)]
    )
    limit = limit_of(base, version)
    async with database_of(request).transaction(request, [limit.label.encode()]) as transaction:
        await versions.add(transaction, limit, version, lengths[0], lengths[1])
        detail = {"project": str(project), "samples": len(training) + len(validation)}
        await monitor_of(request).record(
            "tuning.take", token_of(request), inputs=[version.digest], detail=detail, restriction=limit
        )
    return digest


async def show(request: Request, digest: str) -> Row:
    """A version that was read before.

    Raises:
        HTTPException: 404: there is none, or not for this reader.
    """
    async with database_of(request).transaction(request, writes=False) as transaction:
        return await versions.version(transaction, digest)


async def planned(request: Request, version: Row, wanted: Configuration) -> Plan:
    """What a run takes, by what runs took here before."""
    async with database_of(request).transaction(request, writes=False) as transaction:
        known = await runs.seconds_per_token(transaction, base_of(request).sha256)
    return configuration.plan(
        wanted, version["training"], version["validation"], memory(), known or configuration.SECONDS_PER_TOKEN
    )


def suited(version: Row, values: Mapping[str, Any]) -> Configuration:
    """The configuration of a run over a version, whose records say the method.

    Raises:
        ApplianceError: a value is none that it may be; the message names the field.
    """
    try:
        return Configuration.model_validate({"method": version["method"]} | dict(values))
    except ValidationError as error:
        raise ApplianceError(first_finding(error), rule="the configuration of a run (docs/tuning.md)") from error
