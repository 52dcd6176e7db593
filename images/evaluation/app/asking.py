"""Asking the model through the enclave's gateway, under a job's grant: bounded in time and size, tried again once."""

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from appliance.errors import ApplianceError
from appliance.service.certificate import Serving
from workbench.markbench.item import Item

SECONDS = 120
MOST_BYTES = 1 << 20
PAUSES = (1.0, 4.0, 10.0)
_AGAIN = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class UnansweredError(ApplianceError):
    """The model does not answer any more; what was answered is kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one item.

    Attributes:
        text: the answer; empty when the model said nothing, or more than a megabyte.
        seconds: how long it took.
        problem: why there is no text, or empty.
    """

    text: str
    seconds: float
    problem: str = ""


class Model:
    """The enclave's model under one grant.

    Args:
        client: leads to the gateway.
        name: of the model.
        grant: the monitor's word that the job runs for a person.
    """

    def __init__(self, client: httpx.AsyncClient, name: str, grant: str) -> None:
        self._client = client
        self.name = name
        self._headers = {"X-Appliance-Job": grant}

    async def serving(self) -> tuple[Serving, bool]:
        """What answers, and whether people may ask it too.

        Raises:
            ApplianceError: nobody answers, or not this model.
        """
        try:
            answer = await self._client.get("/inference/v1/models", headers=self._headers, timeout=30)
            answer.raise_for_status()
            entry = next(entry for entry in answer.json()["data"] if entry["id"] == self.name)
            return Serving.model_validate(entry["appliance"]["serving"]), entry["appliance"]["state"] == "certified"
        except (httpx.HTTPError, ValueError, KeyError, StopIteration) as error:
            raise ApplianceError(f"model {self.name} does not answer through the gateway") from error

    async def ask(self, item: Item, maximum_tokens: int, *, constrained: bool = False) -> Answer:
        """Ask one item; ``constrained``: a grammar admits its choices alone.

        Raises:
            UnansweredError: the model did not answer several times.
        """
        body: dict[str, Any] = {
            "model": self.name,
            "messages": messages_of(item),
            "max_tokens": maximum_tokens,
            "temperature": 0.0,
            "seed": 1,
        }
        if constrained and item.choices:
            body["response_format"] = choice_of(item)
        reason = ""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            started = time.monotonic()
            try:
                async with asyncio.timeout(SECONDS):
                    status, data = await self._post(body)
            except TimeoutError:
                return Answer("", time.monotonic() - started, f"no answer within {SECONDS} s")
            except httpx.HTTPError as error:
                reason = type(error).__name__
                continue
            if status in _AGAIN:
                reason = f"status {status}"
                continue
            return _read(status, data, time.monotonic() - started)
        raise UnansweredError(
            f"model {self.name} stopped answering ({reason})",
            remedy="when the model answers again, resume the job: no item that was answered is asked again",
        )

    async def _post(self, body: dict[str, Any]) -> tuple[int, bytes | None]:
        async with self._client.stream(
            "POST", "/inference/v1/chat/completions", json=body, headers=self._headers
        ) as answer:
            data = b""
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MOST_BYTES:
                    return answer.status_code, None
            return answer.status_code, data


def messages_of(item: Item) -> list[dict[str, str]]:
    """The conversation that asks ``item``; without a system message where it has none."""
    turns = [("system", item.system)] if item.system else []
    turns += [*item.turns, ("user", item.user)]
    return [{"role": role, "content": text} for role, text in turns]


def choice_of(item: Item) -> dict[str, Any]:
    """The grammar that admits the choices of ``item`` alone, as the interface takes it: a JSON text of a fixed list."""
    schema = {"type": "string", "enum": list(item.choices)}
    return {"type": "json_schema", "json_schema": {"name": "choice", "schema": schema}}


def _read(status: int, data: bytes | None, seconds: float) -> Answer:
    if data is None:
        return Answer("", seconds, f"the answer has more than {MOST_BYTES} bytes")
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.CONFLICT}:
        raise UnansweredError(f"the gateway refused the job (status {status})", remedy="resume it, or start a new one")
    try:
        text = json.loads(data)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        return Answer("", seconds, f"status {status} without an answer")
    return Answer(str(text or ""), seconds)
