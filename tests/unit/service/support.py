"""What the tests of the services share: an enclave's settings on disk, contexts, and a recording monitor."""

import asyncio
import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Self

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from appliance.contract.context import HEADER, Context, verified
from appliance.service.settings import Paths, ServiceSettings
from tests.contexts import PUBLIC_KEY, give_keys, sealed

LABEL = "S;;GBR,USA"
MARKING = "SECRET//REL TO USA, GBR"


def settings_for(service: str, **changes: Any) -> ServiceSettings:
    values: dict[str, Any] = {
        "enclave": "secret",
        "service": service,
        "label": LABEL,
        "marking": MARKING,
        "hostname": "secret.appliance.test",
    }
    return ServiceSettings.model_validate(values | changes)


def make_paths(folder: Path) -> Paths:
    """The container's places below ``folder``."""
    for name in ("secrets", "state", "models", "static", "database"):
        (folder / name).mkdir(exist_ok=True)
    give_keys(folder / "secrets")
    return Paths(
        settings=folder / "service.json",
        secrets=folder / "secrets",
        record_socket=folder / "record.sock",
        state=folder / "state",
        models=folder / "models",
        database=folder / "database",
        static=folder / "static",
    )


def headers_for(method: str, url: str, /, **changes: Any) -> dict[str, str]:
    """What the gateway adds to a request that the monitor allowed."""
    path = url.split("?", maxsplit=1)[0]
    values: dict[str, Any] = {
        "request": secrets.token_hex(16),
        "enclave": "secret",
        "service": path.split("/")[1],
        "method": method,
        "path": path,
        "action": "read" if method == "GET" else "write",
        "subject": "analyst",
        "roles": ("analyst",),
        "level": "S",
        "need": (),
        "nationalities": ("USA",),
        "label": LABEL,
        "working": LABEL,
        "expires": int(time.time()) + 60,
    }
    return {HEADER: sealed(Context.model_validate(values | changes))}


class Monitor:
    """A monitor at the other end of the record socket that keeps what it is told; ``refuse`` makes it fail.

    What is published it takes from the places of :func:`make_paths`. ``revoked`` makes it refuse jobs their contexts,
    and no activity in ``unrecordable`` is recorded.
    """

    def __init__(self, socket: Path) -> None:
        self.records: list[dict[str, Any]] = []
        self.grants: list[dict[str, Any]] = []
        self._people: dict[str, str] = {}
        self._started: dict[str, tuple[Context, list[str]]] = {}
        self.revoked = False
        self.published: dict[str, str] = {}
        self.refuse = False
        self.unrecordable: set[str] = set()
        app = FastAPI()

        @app.post("/{kind}")
        async def take(kind: str, request: Request) -> JSONResponse:
            if self.refuse:
                return JSONResponse({}, 503)
            body = json.loads(await request.body())
            if kind == "grant":
                self.grants.append(body)
                person = verified(body["context"], PUBLIC_KEY)
                self._people[f"v1.grant-{body['job']}"] = person.subject
                self._started[f"v1.grant-{body['job']}"] = (person, body["groups"])
                return JSONResponse({"grant": f"v1.grant-{body['job']}"})
            if kind == "context":
                if self.revoked or body["grant"] not in self._started:
                    return JSONResponse({"error": "the person may not start this job any more"}, 403)
                person, groups = self._started[body["grant"]]
                self.records.append({"activity": "job.context", "subject": person.subject, "grant": body["grant"]})
                changes = {
                    "request": secrets.token_hex(16),
                    "subject": f"service:{person.service}",
                    "on_behalf_of": person.subject,
                    "groups": tuple(groups),
                    "expires": int(time.time()) + 60,
                }
                return JSONResponse({"context": sealed(person.model_copy(update=changes))})
            if kind == "publish":
                file = socket.parent / "state" / "published" / f"{body['path'][1:].replace('/', ',')}.{body['kind']}"
                self.published[body["path"]] = file.read_text()
                return JSONResponse({"published": body["path"]})
            if body["activity"] in self.unrecordable:
                return JSONResponse({}, 503)
            granted = self._people.get(body["grant"] or "")  # a grant outlasts the context that it was made for
            body["subject"] = granted or verified(body["context"], PUBLIC_KEY).subject
            self.records.append(body)
            return JSONResponse({"receipt": f"receipt-{len(self.records)}"})

        self._server = uvicorn.Server(uvicorn.Config(app, uds=str(socket), log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=asyncio.run, args=(self._server.serve(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
