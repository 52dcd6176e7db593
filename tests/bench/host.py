"""A backup of a host while nothing stops, against reading, hashing and writing the same bytes."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from appliance.audit.log.writer import Log
from appliance.host.data import host_backup
from appliance.trust import age
from tests.bench.assemble import _move
from tests.bench.measure import at_most
from tests.unit.audit.conftest import LABEL
from tests.unit.host.installed import Host

ROUNDS = 3
RECORDS, BODY = 16 * 16_384, 1_024


def measurements(folder: Path | None = None) -> list[dict[str, object]]:
    """The figure, in the form of ``build/bench.json``.

    Args:
        folder: where the host and its backups are, on the disk that counts; by default the temporary folder.
    """
    ratios = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name:
        home = Path(name)
        host = Host(home / "host")
        asyncio.run(_fill(host))
        lines = [age.generate(home / f"{who}.age", b"bench") for who in ("a", "b")]
        (home / "officers.txt").write_text("\n".join(lines))
        files = [file for file in (host.paths.root / "log").rglob("*") if file.is_file()]
        for number in range(ROUNDS):
            reference = _move(files, home / f"reference-{number}")
            out = home / f"out-{number}"
            out.mkdir()
            began = time.monotonic()
            host_backup.back_up(host.paths, out, home / "officers.txt", lambda _: None)
            ratios.append((time.monotonic() - began) / reference)
    reference_is = "one read, SHA-256, write and fsync of the log's files"
    return [at_most("host.backup", statistics.median(ratios), "ratio", 1.3, reference_is).model_dump()]


async def _fill(host: Host) -> None:
    """Records of a kilobyte each: some 270 MB of bodies, and the tiles over them."""
    log = Log.open(host.paths.root / "log", host.paths.root / "secrets" / "log.key")
    padding = "x" * (BODY - 40)
    for start in range(0, RECORDS, 8_192):
        await log.append(
            [(LABEL, f'{{"label":"{LABEL}","n":{n},"p":"{padding}"}}'.encode()) for n in range(start, start + 8_192)]
        )
    await log.close()
