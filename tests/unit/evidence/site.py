"""A host whose monitor runs, and a pack of it."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from appliance.audit.log.note import Verifier
from appliance.host.report.evidence.checks.looking import Host as Looked
from appliance.host.report.evidence.controls import FILE
from tests.unit.host.installed import Host

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / FILE).read_bytes()
NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


@contextmanager
def served(folder: Path) -> Iterator[Host]:
    """A host whose monitor answers its sockets."""
    folder.chmod(0o755)
    host = Host(folder)
    host.policy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / FILE, host.policy.with_name("controls.yml"))
    host.paths.run.chmod(0o711)
    for enclave in host.site.enclaves:
        (host.paths.run / enclave.name).chmod(0o711)
    thread = threading.Thread(target=lambda: asyncio.run(host._run()), daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not host.answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield host
    finally:
        host._stop.set()
        thread.join(10)


def looked(host: Host, now: datetime = NOW, **given: object) -> Looked:
    """The host as the checks look at it."""
    key = Verifier.decode((host.paths.root / "log" / "log.vkey").read_text().strip())
    return Looked(host.paths, key, now, **given)  # type: ignore[arg-type]
