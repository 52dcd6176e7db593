"""A log with the decisions of some days, and the console over it."""

import random
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Call, Entity, Lineage, Scope, Verdict
from appliance.audit.events.ocsf import Event
from appliance.audit.log.writer import Log
from appliance.contract.context import HEADER, Context
from appliance.service.settings import Paths, ServiceSettings
from images.console.app.main import service
from tests.contexts import give_keys, sealed

LOW, HIGH, SYSTEM = "U;;*", "S;;GBR,USA", "TS;SI;USA"
POLICY = "sha256:" + "5f" * 32
MINUTE = 60_000


def decided(
    subject: str,
    label: str,
    path: str,
    *,
    allowed: bool = True,
    rule: str = "dominance",
    method: str = "GET",
    action: str = "read",
    working: str | None = None,
    reason: str = "",
    request: str | None = None,
) -> Event:
    enclave = {LOW: "unclassified", HIGH: "secret", SYSTEM: "system-high"}[label]
    scope = Scope(label=label, enclave=enclave, service=path.split("/")[1], request=request)
    verdict = Verdict(allowed=allowed, rule=rule, policy=POLICY, reason=reason)
    return events.decision(scope, subject, Call(method=method, path=path, action=action), verdict, working=working)


def days(count: int, seed: int = 7) -> list[Event]:
    """Work of some days, ending now, the way a site produces it."""
    chance = random.Random(seed)  # noqa: S311 - the same days every time
    now = int(time.time() * 1000)
    times = sorted(now - int(chance.triangular(0, 5 * 24 * 60, 200)) * MINUTE for _ in range(count))
    return [_one(chance).model_copy(update={"time": at}) for at in times]


def _one(chance: random.Random) -> Event:  # noqa: C901 - one line a kind
    kind = chance.random()
    uid = f"{chance.getrandbits(128):032x}"
    number = chance.randrange(400)
    if kind < 0.42:
        return decided("analyst", HIGH, f"/labeling/tasks/{number}", working=HIGH, request=uid)
    if kind < 0.62:
        return decided(
            "annotator", LOW, f"/labeling/tasks/{number}/answers", method="POST", action="label", working=LOW
        )
    if kind < 0.70:
        return decided("analyst", LOW, f"/labeling/records/{number}", action="read_down", working=HIGH, request=uid)
    if kind < 0.74:
        return decided(
            "annotator",
            HIGH,
            f"/labeling/records/{number}",
            allowed=False,
            working=LOW,
            reason="the clearance U does not dominate SECRET//REL TO USA, GBR",
        )
    if kind < 0.77:
        return decided(
            "analyst",
            LOW,
            "/inference/v1/chat/completions",
            allowed=False,
            method="POST",
            action="infer",
            working=HIGH,
            rule="no-write-down",
            reason="a session at SECRET//REL TO USA, GBR cannot write to UNCLASSIFIED",
        )
    if kind < 0.78:
        return decided("visitor", HIGH, "/inference/v1/models", allowed=False, rule="unregistered-certificate")
    if kind < 0.80:
        return decided("annotator", LOW, "/evaluation/jobs", allowed=False, rule="role", working=LOW, action="evaluate")
    if kind < 0.92:
        scope = Scope(label=HIGH, enclave="secret", service="inference", request=uid)
        model = Entity(kind="model", name="smollm2-135m", digest="sha256:" + "ab" * 32)
        lineage = Lineage(inputs=("sha256:" + "c1" * 32,), outputs=("sha256:" + "d2" * 32,))
        return events.inference(scope, "analyst", model, lineage, detail={"tokens": number})
    if kind < 0.96:
        return events.session(
            Scope(label=HIGH, enclave="secret"), "analyst", HIGH, Verdict(allowed=True, rule="clearance", policy=POLICY)
        )
    if kind < 0.98:
        return decided("officer", SYSTEM, "/console/", working=SYSTEM)
    image = Entity(kind="image", name="labeling", digest="sha256:" + "e4" * 32)
    verdict = Verdict(allowed=True, rule="signed-generation", policy=POLICY)
    return events.admission(Scope(label=HIGH, enclave="secret"), "secret_labeling_1", image, verdict)


@dataclass
class Site:
    """A log and what the console needs to run over it."""

    folder: Path
    vkey: str
    log: Path

    @classmethod
    def make(cls, folder: Path) -> "Site":
        log = folder / "log"
        vkey = Log.create(log, folder / "secrets" / "log.key", "demo.example/audit")
        for name in ("run", "state", "static"):
            (folder / name).mkdir(exist_ok=True)
        give_keys(folder / "run")
        return cls(folder, vkey, log)

    def open(self) -> Log:
        return Log.open(self.log, self.folder / "secrets" / "log.key", checkpoint_interval=0.05)

    async def record(self, found: list[Event]) -> None:
        log = self.open()
        for start in range(0, len(found), 500):
            await log.append([event.record() for event in found[start : start + 500]])
        await log.close()

    def app(self, static: Path | None = None, policy: str | None = None) -> FastAPI:
        settings = ServiceSettings(
            enclave="system-high",
            service="console",
            label=SYSTEM,
            marking="TOP SECRET//SI//NOFORN",
            hostname="officers.example",
            settings={
                "log": str(self.log),
                "key": self.vkey,
                "markings": {HIGH: "SECRET//REL TO USA, GBR"},
                "policy": policy,
            },
        )
        paths = Paths(
            secrets=self.folder / "run",
            state=self.folder / "state",
            static=static or self.folder / "static",
            record_socket=self.folder / "record.sock",
        )
        return service.build(settings, paths)


def headers(url: str, method: str = "GET", **changes: object) -> dict[str, str]:
    """What the gateway adds to an officer's request for ``url``."""
    values: dict[str, object] = {
        "request": secrets.token_hex(16),
        "enclave": "system-high",
        "service": "console",
        "method": method,
        "path": urlsplit(url).path,
        "action": "read",
        "subject": "officer",
        "roles": ("officer",),
        "level": "TS",
        "need": ("SI",),
        "nationalities": ("USA",),
        "label": SYSTEM,
        "working": SYSTEM,
        "expires": int(time.time()) + 60,
    }
    return {HEADER: sealed(Context.model_validate(values | changes))}
