"""The enclave's model, asked through the enclave's gateway under a job's grant."""

from typing import Any

import httpx

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service import gateway
from appliance.service.settings import Paths
from workbench.citations.claims import ANSWER_TOKENS, SCHEMA, Prompt

SECONDS = 300
MOST_BYTES = 1 << 20


class SilentModelError(ApplianceError):
    """The model does not answer; the quotations stand without it."""


def model_client(base: str, paths: Paths) -> httpx.AsyncClient:
    """A client for the enclave's gateway with this service's workload certificate.

    Raises:
        SilentModelError: this container has no certificate for it.
    """
    try:
        return gateway.gateway_client(base, paths, SECONDS)
    except OSError as error:
        raise SilentModelError("this service has no certificate to call the model with") from error


class Model:
    """The model under one grant.

    Args:
        client: leads to the gateway.
        name: of the model.
        grant: the monitor's word that the job runs for a person.
    """

    def __init__(self, client: httpx.AsyncClient, name: str, grant: str) -> None:
        self._client = client
        self._name = name
        self._headers = {"X-Appliance-Job": grant}

    async def context(self) -> int:
        """Tokens that prompt and answer may have together.

        Raises:
            SilentModelError: nobody answers, or the model is not certified.
        """
        try:
            answer = await self._client.get("/inference/v1/models", headers=self._headers)
            answer.raise_for_status()
            entry = next(entry for entry in answer.json()["data"] if entry["id"] == self._name)["appliance"]
            tokens = int(entry["serving"]["parameters"]["context"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise SilentModelError(f"model {self._name} does not answer") from error
        if entry["state"] != "certified":
            raise SilentModelError(f"model {self._name} is not certified: {entry['reason']}")
        return tokens

    async def ask(self, asked: Prompt, restriction: Restriction, seed: int) -> str:
        """What the model answers: JSON in the form of ``SCHEMA``.

        Args:
            asked: the prompt.
            restriction: of all that it holds; the groups among it are named to the inference service.
            seed: of sampling; the same prompt and seed give the same answer.

        Raises:
            SilentModelError: nobody answers.
        """
        body: dict[str, Any] = {
            "model": self._name,
            "messages": list(asked.messages),
            "max_tokens": ANSWER_TOKENS,
            "temperature": 0.0,
            "seed": seed,
            "response_format": {"type": "json_schema", "json_schema": {"name": "claims", "schema": SCHEMA}},
            "need_to_know": sorted(restriction.groups),
        }
        try:
            answer = await self._client.post("/inference/v1/chat/completions", json=body, headers=self._headers)
            answer.raise_for_status()
            if len(answer.content) > MOST_BYTES:
                raise SilentModelError("the answer is too long")
            return str(answer.json()["choices"][0]["message"]["content"] or "")
        except httpx.HTTPStatusError as error:
            raise SilentModelError(f"the model refused to answer (status {error.response.status_code})") from error
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise SilentModelError(f"model {self._name} does not answer") from error
