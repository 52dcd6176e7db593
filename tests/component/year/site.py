"""The site of a simulated year: ``python -m tests.component.year.site FOLDER``, told on its standard input what to do.

It answers each line with one: ``ready`` with its port at first; ``records N`` adds what other services recorded that
day; ``renew NAME`` issues a person's next certificate; ``gateway`` replaces the gateway's certificate.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from appliance.trust.certificates import issue_client, issue_server
from tests.unit.console.site import days
from tests.unit.monitor.gateway import Rig, running

BATCH = 4096


class Site:
    """A rig, and the words that it is told."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._made = [event.record() for event in days(4_000)]
        self._added = 0

    def records(self, count: str) -> str:
        """Append records of a site's usual kinds, each with the time of now."""
        for first in range(0, int(count), BATCH):
            asyncio.run_coroutine_threadsafe(self._append(min(BATCH, int(count) - first)), self._loop).result(60)
        return "added"

    def renew(self, name: str) -> str:
        """Issue the person's next certificate beside the one they have."""
        issue_client(self._rig.issuer, name).write(self._rig.folder, f"{name}-next")
        return "renewed"

    def gateway(self) -> str:
        """Replace the gateway's certificate, and have nginx take it."""
        enclave, folder = self._rig.enclave, self._rig.folder
        issued = issue_server(
            self._rig.issuer, enclave.hostname, enclave=enclave.name, addresses=(str(enclave.address),)
        )
        (folder / "gateway.pem").write_bytes(issued.pem)
        (folder / "gateway.key").write_bytes(issued.key_pem)
        os.kill(int((folder / "nginx.pid").read_text()), signal.SIGHUP)
        return "replaced"

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self._rig.loop
        return self._rig.loop

    async def _append(self, count: int) -> None:
        now = int(time.time() * 1000)
        batch = []
        for _ in range(count):
            label, body = self._made[self._added % len(self._made)]
            event = json.loads(body) | {"time": now}
            batch.append((label, json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()))
            self._added += 1
        await self._rig.append(batch)


def main() -> None:
    """Run until standard input ends."""
    folder = Path(sys.argv[1])
    with running(folder) as rig:
        site = Site(rig)
        print(f"ready {rig.port}", flush=True)
        for line in sys.stdin:
            word, *arguments = line.split()
            print(getattr(site, word)(*arguments), flush=True)


if __name__ == "__main__":
    main()
