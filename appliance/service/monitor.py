"""The enclave's way to the monitor: no durable record, no effect."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from appliance.errors import ApplianceError
from appliance.markings import Restriction


class NotRecordedError(ApplianceError):
    """The monitor did not confirm a durable record, or refused a grant; the effect must not happen."""


class RefusedError(NotRecordedError):
    """The monitor answered, and refused: asking it again changes nothing."""


class MonitorClient:
    """Asks the monitor over its Unix socket to record events and to grant jobs.

    Args:
        socket: path of the service's own socket; the monitor stamps service, enclave and label from it.
        timeout: seconds to wait for a record to be durable.
    """

    def __init__(self, socket: Path, timeout: float = 5.0) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://unix", timeout=timeout
        )

    async def record(  # noqa: PLR0913 - the fields of a record
        self,
        activity: str,
        context: str | None = None,
        *,
        grant: str | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        model: Mapping[str, str] | None = None,
        detail: Mapping[str, Any] | None = None,
        restriction: Restriction | None = None,
    ) -> str:
        """Record an event and return its receipt once it is durable.

        Args:
            activity: what happens; one that the service's manifest lists.
            context: the user's ``X-Appliance-Context`` as received: the monitor takes from it who does it.
            grant: the job's grant, where there is no request any more.
            inputs: SHA-256 digests (hexadecimal) of what goes in; never the content.
            outputs: SHA-256 digests of what comes out.
            model: ``name`` and ``digest`` of the model, where one is asked.
            detail: further facts, free of content.
            restriction: what limits who may have what comes out, where that is more than the enclave's label.

        Raises:
            NotRecordedError: no durable record.
        """
        body = {
            "activity": activity,
            "context": context,
            "grant": grant,
            "inputs": list(inputs),
            "outputs": list(outputs),
            "model": dict(model) if model else None,
            "detail": dict(detail or {}),
            "restriction": restriction.encode() if restriction else None,
        }
        return str((await self._post("/record", body))["receipt"])

    async def grant(
        self, context: str, *, job: str, model: str | None, purpose: str, calls: int, groups: Sequence[str] = ()
    ) -> str:
        """Ask for the job grant with which a workload acts for the user of ``context``.

        Args:
            context: the user's ``X-Appliance-Context`` as received, of an action that the policy calls a job.
            job: identifier of the job.
            model: name of the one model that the job may call, or None.
            purpose: what the job is for, in a word; what it calls is told.
            calls: how many calls it may make and contexts it may have, together.
            groups: need-to-know groups of what the job uses.

        Raises:
            NotRecordedError: the monitor refused or did not answer.
        """
        asked: dict[str, Any] = {"context": context, "job": job, "model": model, "purpose": purpose, "calls": calls}
        asked |= {"groups": list(groups)}
        return str((await self._post("/grant", asked))["grant"])

    async def context(self, grant: str) -> str:
        """Trade a job's grant for a fresh context, for the service's own database, that holds for a minute.

        The monitor looks again at the rights of the job's person and records it first.

        Raises:
            NotRecordedError: the monitor refused or did not answer.
        """
        return str((await self._post("/context", {"grant": grant}))["context"])

    async def publish(self, path: str, kind: str) -> None:
        """Have the host take the page at ``path`` out of the service's volume, for readers at higher levels.

        Args:
            path: one that a typed read-down route of the manifest covers.
            kind: ``html`` or ``json``.

        Raises:
            NotRecordedError: the monitor did not take it; the message says why.
        """
        await self._post("/publish", {"path": path, "kind": kind})

    async def cosign(self, context: str, note: str) -> str:
        """Hand in a cosigned checkpoint of the log, as text, for the officer of ``context``.

        A service of the system-high enclave alone may.

        Raises:
            NotRecordedError: the monitor refused it; the message says why.
        """
        return str((await self._post("/cosign", {"context": context, "note": note}))["receipt"])

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = await self._client.post(path, json=body)
            response.raise_for_status()
            answer = response.json()
        except httpx.HTTPStatusError as error:
            kind = RefusedError if error.response.is_client_error else NotRecordedError
            raise kind(
                f"the monitor refused: {_reason(error.response)}", rule="no durable record, no effect"
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise NotRecordedError(
                "the audit log did not confirm a durable record",
                rule="no durable record, no effect",
                remedy="the security officer checks the monitor: appliance monitor status",
            ) from error
        if not isinstance(answer, dict) or not {"receipt", "grant", "context", "published"} & answer.keys():
            raise NotRecordedError("the monitor's answer has no receipt", rule="no durable record, no effect")
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
