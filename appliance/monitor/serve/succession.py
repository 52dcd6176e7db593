"""New subjects and access rules take effect without a restart: verified, not older, recorded first, then at once.

``appliance site apply`` asks for it on a socket that root alone may open. Whatever does not hold leaves
what is in force as it is; so does a record that cannot be written.
"""

import asyncio
import http.client
import json
import socket
import tempfile
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.audit.events.kinds import Entity, Verdict
from appliance.audit.events.text import printable
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError, first_finding
from appliance.monitor.decide.revocations import FOLDER, revoked
from appliance.monitor.http import HttpRequest, HttpResponse, json_response
from appliance.monitor.in_force import lineage, registries
from appliance.monitor.in_force.statements import FILES, Statements, check_successor, read_statements
from appliance.monitor.record.recording import Recording
from appliance.monitor.serve.announcement import Announcement
from appliance.trust.files import read_limited
from appliance.trust.officers import MAXIMUM_SIZE

COMMAND_SOCKET = "monitor.sock"
CHANGEABLE = ("subjects", "access")
log = structlog.get_logger()


class Serving(Protocol):
    """The running monitor, as far as a change of what is in force concerns it."""

    statements: Statements
    recording: Recording

    def put_in_force(self, statements: Statements) -> None:
        """Decide by ``statements`` from the next request on."""


class _Apply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    folder: Path
    dry_run: bool = False


class Succession:
    """Replaces what is in force by what officers signed later.

    Args:
        paths: where this host keeps its state.
        monitor: the running monitor.
    """

    def __init__(self, paths: HostPaths, monitor: Serving, announcement: Announcement) -> None:
        self._paths = paths
        self._monitor = monitor
        self._announcement = announcement
        self._one_at_a_time = asyncio.Lock()

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request of a command: ``POST /apply`` with ``{"folder", "dry_run"}``, or ``POST /keys``."""
        if (request.method, request.path) == ("POST", "/keys"):
            return await self._keys()
        if (request.method, request.path) != ("POST", "/apply"):
            return json_response(404, {"error": "not found"})
        try:
            asked = _Apply.model_validate_json(request.body)
            async with self._one_at_a_time:
                return json_response(200, await self._apply(asked))
        except ValidationError as error:
            return json_response(422, {"error": first_finding(error)})
        except ApplianceError as error:
            return json_response(409, error.as_dict())
        except Exception:  # whatever went wrong, the old statements stay in force
            log.exception("statements were not applied")
            return json_response(503, {"error": "no durable record, no effect; the old statements stay in force"})

    async def _keys(self) -> HttpResponse:
        """Take the keys that lie on the disk now, from the next request on; the command recorded why."""
        async with self._one_at_a_time:
            self._announcement.keys_again()
            try:
                self._monitor.put_in_force(self._monitor.statements)
            except (ApplianceError, OSError, ValueError) as error:
                return json_response(409, {"error": f"the keys cannot be read: {error}"})
            self._announcement.make()
        return json_response(200, {"keys": "taken"})

    async def _apply(self, asked: _Apply) -> dict[str, Any]:
        old = self._monitor.statements
        with tempfile.TemporaryDirectory(dir=self._paths.root, prefix=".candidate-") as name:
            candidate = Path(name)
            try:
                new, back, gone_back = await asyncio.to_thread(self._verified, asked.folder, candidate, old)
            except ApplianceError as error:
                shown = error.message.replace(name, str(asked.folder))
                if not asked.dry_run:
                    await self._refused(asked.folder, shown)
                raise ApplianceError(shown, rule=error.rule, remedy=error.remedy) from error
            changed = [kind for kind in CHANGEABLE if new.digests[kind] != old.digests[kind]]
            if not asked.dry_run:
                await self._take_effect(new, changed, candidate, back if gone_back else None)
        versions = {kind: new.version(kind) for kind in CHANGEABLE}
        return {"changed": changed, "rolled_back": gone_back, "versions": versions, "dry_run": asked.dry_run}

    async def _take_effect(
        self, new: Statements, changed: list[str], candidate: Path, back: lineage.RollBack | None
    ) -> None:
        for kind in changed:
            entity = Entity(kind=kind, name=f"version {new.version(kind)}", digest=f"sha256:{new.digests[kind]}")
            verdict = Verdict(allowed=True, rule="statements.signed-by-two-officers")
            if back and back.statement == kind:
                verdict = Verdict(allowed=True, rule=lineage.RULE, reason=printable(back.reason))
            await self._record(entity, verdict)
        registries.accept(self._paths, candidate, registries.pinned_officers(self._paths))
        self._monitor.put_in_force(new)
        self._announcement.make()

    def _verified(
        self, folder: Path, candidate: Path, old: Statements
    ) -> tuple[Statements, lineage.RollBack | None, list[str]]:
        """Copy the statements once, so that media cannot change between proof and use, and prove the copy."""
        (candidate / "certificates").mkdir()
        for file in FILES:
            (candidate / file).write_bytes(read_limited(folder / file, MAXIMUM_SIZE))
        if (folder / lineage.FILE).exists():
            (candidate / lineage.FILE).write_bytes(read_limited(folder / lineage.FILE, MAXIMUM_SIZE))
        pinned = registries.pinned_officers(self._paths)
        new = read_statements(candidate, pinned)
        back = lineage.read_roll_back(candidate, pinned, new.site.site, revoked(self._paths.root / FOLDER, "roll-back"))
        return new, back, check_successor(old, new, back)

    async def _refused(self, folder: Path, reason: str) -> None:
        verdict = Verdict(allowed=False, rule="statements.refused", reason=printable(reason))
        await self._record(Entity(kind="statements", name=printable(str(folder), 200)), verdict)

    async def _record(self, entity: Entity, verdict: Verdict) -> None:
        await self._monitor.recording.configuration("apply", entity, verdict)


def ask(paths: HostPaths, folder: Path, *, dry_run: bool) -> dict[str, Any]:
    """Ask the running monitor to apply the statements in ``folder``.

    Raises:
        ApplianceError: it does not run, or refuses and says why.
    """
    return _ask(paths, "/apply", json.dumps({"folder": str(folder), "dry_run": dry_run}))


def ask_for_keys(paths: HostPaths) -> None:
    """Have the running monitor read its keys again.

    Raises:
        ApplianceError: it does not run, or cannot read them.
    """
    _ask(paths, "/keys", "{}")


def _ask(paths: HostPaths, path: str, body: str) -> dict[str, Any]:
    try:
        connection = _Connection(paths.run / COMMAND_SOCKET)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        value: dict[str, Any] = json.loads(answer.read())
        connection.close()
    except OSError as error:
        raise ApplianceError(
            f"the monitor does not answer: {error.strerror}",
            rule="statements take effect in the running monitor, which records them first",
            remedy="appliance host recover; then again",
        ) from error
    if answer.status != 200:
        raise ApplianceError(value["error"], rule=value.get("rule", ""), remedy=value.get("remedy", ""))
    return value


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("monitor", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))
