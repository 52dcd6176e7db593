"""The way of a running job to the model: a loopback port that adds certificate and grant, and counts the answers."""

import asyncio
import secrets
import ssl
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appliance.service.settings import Paths


@dataclass
class Ticket:
    """A running job at the forwarder.

    Attributes:
        grant: the monitor's word that the job runs for a person.
        secret: part of the job's address; who does not know it gets no grant.
        answered: how many calls of the model have been answered.
    """

    grant: str
    secret: str = field(default_factory=secrets.token_urlsafe)
    answered: int = 0


def gateway_client(gateway: str, paths: Paths) -> httpx.AsyncClient:
    """A client for the enclave's gateway with this service's workload certificate."""
    context = ssl.create_default_context(cafile=paths.secrets / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(paths.secrets / "workload.pem", paths.secrets / "workload.key")
    return httpx.AsyncClient(base_url=gateway, verify=context, timeout=600, trust_env=False)


class Forwarder:
    """A loopback server in a thread of its own: ``/<secret>/v1/...`` becomes ``/inference/v1/...`` at the gateway.

    Args:
        gateway: base URL of the enclave's gateway.
        paths: where certificate, key and CA are.
    """

    def __init__(self, gateway: str, paths: Paths) -> None:
        self._gateway = gateway
        self._paths = paths
        self._tickets: dict[str, Ticket] = {}
        app = Starlette(routes=[Route("/{secret}/v1/{path:path}", self._forward, methods=["GET", "POST"])])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), name="forwarder", daemon=True)
        self._client: httpx.AsyncClient

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.should_exit = True
        self._thread.join(10)

    def open(self, ticket: Ticket) -> str:
        """Let a job through; return its base URL."""
        self._tickets[ticket.secret] = ticket
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/{ticket.secret}/v1"

    def close(self, ticket: Ticket) -> None:
        """Let the job through no longer."""
        self._tickets.pop(ticket.secret, None)

    async def _serve(self) -> None:
        async with gateway_client(self._gateway, self._paths) as self._client:
            await self._server.serve()

    async def _forward(self, request: Request) -> Response:
        ticket = self._tickets.get(request.path_params["secret"])
        if ticket is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        headers = {"X-Appliance-Job": ticket.grant, "Content-Type": "application/json"}
        url = f"/inference/v1/{request.path_params['path']}"
        try:
            answer = await self._client.request(request.method, url, content=await request.body(), headers=headers)
        except httpx.HTTPError:
            return Response(status_code=HTTPStatus.BAD_GATEWAY)
        ticket.answered += request.method == "POST" and answer.status_code == HTTPStatus.OK
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))
