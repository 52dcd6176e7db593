"""The people of a simulated year: ``python -m tests.component.year.people FOLDER --days 365``; prints what they saw.

Each day people open sessions and work, services record, and the sysadmin takes an anchor off the host. Each week two
officers review and countersign. Certificates are renewed before they end. The clock is moved a day at a time; the
processes get it from libfaketime, which reads it from a file.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from typer.testing import CliRunner

from appliance.cli.main import app
from images.console.app.index import Index
from images.console.app.search import Query
from tests.bench.gateway import ROUTE
from tests.bench.ten_million import page
from tests.unit.monitor.gateway import Rig

REQUESTS, RECORDS = 60, 3_000
MEASURED = 400
OFFICERS = ("isso", "issm")
RENEWED, REPLACED = 170, 200
"""Days after which people's certificates, and the gateway's, are renewed."""


@dataclass
class Year:
    """What happened.

    Attributes:
        first: figures of the first week.
        last: figures of the last week.
        reviews: reviews that both officers signed.
        anchors: anchors that left the host.
        refused: what was refused that should not have been, or the other way round.
    """

    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    reviews: int = 0
    anchors: int = 0
    refused: list[str] = field(default_factory=list)


class People:
    """Everybody who works at the site in ``folder``.

    Args:
        folder: of the site.
        clock: the file from which libfaketime reads how far the clock is moved.
    """

    def __init__(self, folder: Path, clock: Path) -> None:
        self.folder, self._clock = folder, clock
        self.log, self._spool = folder / "root" / "log", folder / "root" / "spool"
        self._site = subprocess.Popen(
            [sys.executable, "-m", "tests.component.year.site", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._port = int(self._heard().split()[1])
        self._certificate = "analyst"
        self._runner = CliRunner()
        self._paper = folder / "paper.vkey"
        shutil.copyfile(self.log / "log.vkey", self._paper)
        self.index = Index(folder / "index.sqlite", self.log)
        self.year = Year()
        self._cosigned = 0
        (folder / "anchors").mkdir()
        self._officers()

    def day(self, number: int) -> None:
        """One day of work."""
        self._clock.write_text(f"+{number}d")
        if number == RENEWED:
            self._tell("renew analyst")
            self._certificate = "analyst-next"
        if number == REPLACED:
            self._tell("gateway")
            time.sleep(1)
        if number == RENEWED + 10:
            self._expect(404, "analyst", "the certificate from before the renewal still opens sessions")
        self._work(REQUESTS)
        self._tell(f"records {RECORDS}")
        self._anchor(number)
        while self.index.catch_up():
            pass
        if number % 7 == 6:
            self._review()

    def measure(self) -> dict[str, float]:
        """What the site takes and how long it lets people wait, now."""
        times = self._work(MEASURED)
        monitor = psutil.Process(self._site.pid)
        nginx = psutil.Process(int((self.folder / "nginx.pid").read_text())).children()[0]
        pages = [page(self.index, Query()) for _ in range(5)]
        return {
            "p50_ms": round(1000 * statistics.median(times), 2),
            "p99_ms": round(1000 * statistics.quantiles(times, n=100)[-1], 2),
            "monitor_mib": round(monitor.memory_full_info().uss / 2**20, 1),
            "gateway_mib": round(nginx.memory_full_info().uss / 2**20, 1),
            "descriptors": monitor.num_fds() + nginx.num_fds(),
            "log_mib": round(sum(file.stat().st_size for file in self.log.rglob("*") if file.is_file()) / 2**20, 1),
            "console_page_ms": round(1000 * statistics.median(pages), 1),
        }

    def finish(self) -> dict[str, Any]:
        """Verify the year's log against what was carried away, and end."""
        verified = json.loads(self._audit("verify", "--log", self.log, "--key", self._paper, "--json"))
        anchors = sorted((self.folder / "anchors").iterdir(), key=lambda folder: int(folder.name))
        for anchor in anchors[:: max(1, len(anchors) // 12)]:
            self._audit("anchor", "check", anchor, "--key", self._paper, "--log", self.log)
        status = json.loads(self._audit("status", "--log", self.log, "--json"))
        self.index.close()
        if self._site.stdin:
            self._site.stdin.close()
        self._site.wait(30)
        told = {"records": verified["size"], "findings": verified["findings"], "status": status}
        return told | {
            "reviews": self.year.reviews,
            "anchors": self.year.anchors,
            "refused": self.year.refused,
            "first": self.year.first,
            "last": self.year.last,
        }

    def _work(self, count: int) -> list[float]:
        times = []
        with self._client(self._certificate) as client:
            opened = client.post("/session").status_code
            if opened != 201:
                self.year.refused.append(f"no session: {opened}")
                return [0.0]
            for _ in range(count):
                began = time.perf_counter()
                status = client.get(ROUTE).status_code
                times.append(time.perf_counter() - began)
                if status != 200:
                    self.year.refused.append(f"{ROUTE}: {status}")
            client.delete("/session")
        return times

    def _client(self, certificate: str) -> httpx.Client:
        context = Rig.tls(self, certificate)  # type: ignore[arg-type]  # it needs the folder alone
        return httpx.Client(base_url=f"https://127.0.0.1:{self._port}", verify=context, timeout=30)

    def _expect(self, status: int, certificate: str, otherwise: str) -> None:
        with self._client(certificate) as client:
            if client.post("/session").status_code != status:
                self.year.refused.append(otherwise)

    def _anchor(self, number: int) -> None:
        out = self.folder / "anchors" / str(number)
        where = ("--key", self._paper, "--log", self.log, "--spool", self._spool)
        self._audit("anchor", *where, "--out", out)
        self.year.anchors += 1

    def _officers(self) -> None:
        (self.folder / "passphrase").write_text("a passphrase of a test\n")
        self._secret = ("--passphrase-file", self.folder / "passphrase")
        lines = [self._audit("witness", name, "--out", self.folder / f"{name}.key", *self._secret) for name in OFFICERS]
        policy = self.folder / "officers.policy"
        vkey = self._paper.read_text().strip()
        policy.write_text(f"log {vkey}\n{''.join(lines)}group both all {' '.join(OFFICERS)}\nquorum both\n")
        self._audit("policy", policy, "--log", self.log, "--spool", self._spool)

    def _review(self) -> None:
        made = json.loads(self._audit("review", "--log", self.log, "--json"))
        notes = self.folder / "notes.json"
        notes.write_text(json.dumps({finding["id"]: "looked at, as every week" for finding in made["findings"]}))
        where = ("--log", self.log, "--spool", self._spool)
        self._audit("review", "--end", str(made["end"]), "--notes", notes, "--officer", OFFICERS[0], *where)
        time.sleep(1.5)  # the monitor takes the spool in once a second
        asked = self.folder / "request"
        asked.unlink(missing_ok=True)
        old = ("--old", str(self._cosigned))
        wanted = json.loads(
            self._audit("request", "--log", self.log, "--key", self._paper, *old, "--out", asked, "--json")
        )
        for name in OFFICERS:
            key, state, done = (self.folder / f"{name}.{what}" for what in ("key", "state", "cosigned"))
            done.unlink(missing_ok=True)
            sign = ("--log-key", self._paper, "--key", key, "--state", state, "--out", done, *self._secret)
            self._audit("cosign", asked, *sign)
            said = self._audit("accept", done, *where)
        if "not reached yet" in said:
            self.year.refused.append(f"a review without a quorum: {said}")
        self._cosigned = wanted["size"]
        self.year.reviews += 1

    def _audit(self, *words: str | Path) -> str:
        result = self._runner.invoke(app, ["audit", *map(str, words)])
        if result.exit_code != 0:
            raise RuntimeError(f"audit {words[0]}: {result.output}{result.exception}") from result.exception
        return result.output

    def _tell(self, line: str) -> None:
        assert self._site.stdin
        self._site.stdin.write(f"{line}\n")
        self._site.stdin.flush()
        self._heard()

    def _heard(self) -> str:
        assert self._site.stdout
        while line := self._site.stdout.readline():
            if line.split()[0] in ("ready", "added", "renewed", "replaced"):
                return line
        raise RuntimeError("the site ended")


def main() -> None:
    """Live the year and print it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.component.year.people", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=365)
    arguments = parser.parse_args()
    people = People(arguments.folder, Path(os.environ["FAKETIME_TIMESTAMP_FILE"]))
    for number in range(arguments.days):
        people.day(number)
        if number == 6:
            people.year.first = people.measure()
    people.year.last = people.measure()
    print(json.dumps(people.finish()))


if __name__ == "__main__":
    main()
