"""The latest time that the host is sure of, whatever its clock says, and what officers say where the clock was wrong.

The greatest time of all records counts, not that of the last one: one record after a clock was set back would
otherwise take the guard away. After a wrong jump forward, two officers attest the right time; records before count
no more.
"""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Name, validated
from appliance.errors import ApplianceError
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.files import read_limited, replace_files
from appliance.trust.officers import MAXIMUM_SIZE, load_signed

KIND = "time"
ATTEST = "time.attest"
SEEN = "greatest-time.json"
ATTESTED = "trusted/time.json"
TOLERANCE = timedelta(minutes=10)


class Attestation(BaseModel):
    """What two officers sign after a clock was wrong.

    Attributes:
        site: the site.
        time: the right time, at most ten minutes from when it is accepted.
        records: how many records of the log are left out of account: all up to the last that has a wrong time.
        reason: what happened, for the record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name
    time: AwareDatetime
    records: Annotated[int, Field(ge=1)]
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Seen(BaseModel):
    """How far the log was looked through, its records, and the greatest time (milliseconds) from ``since`` on."""

    records: int = 0
    since: int = 0
    segment: int = -1
    offset: int = 0
    greatest: int = 0


def last_entry(log: Path, since: int = 0) -> datetime | None:
    """The greatest time of the log's records from number ``since`` on, or None where there are none.

    What was looked through before is remembered in the log's folder; without that, all is looked through again.
    """
    seen = _look(log, since)
    return datetime.fromtimestamp(seen.greatest / 1000, UTC) if seen.greatest else None


def _look(log: Path, since: int) -> _Seen:
    files = {int(file.stem): file for file in (log / "bodies").glob("*.jsonl")}
    seen = _seen(log, since, files)
    before = seen.model_copy()
    for first in sorted(number for number in files if number >= seen.segment):
        with files[first].open("rb") as file:
            seen.offset = file.seek(seen.offset if first == seen.segment else 0)
            seen.segment = first
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written
                seen.offset += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    seen.records = record["index"] + 1
                    if record["index"] >= since:
                        seen.greatest = max(seen.greatest, int(record["body"]["time"]))
    if seen != before:
        with contextlib.suppress(OSError):
            (log / SEEN).write_text(seen.model_dump_json())
    return seen


def _seen(log: Path, since: int, files: dict[int, Path]) -> _Seen:
    try:
        seen = _Seen.model_validate_json((log / SEEN).read_bytes())
    except (OSError, ValueError):
        return _Seen(since=since)
    whole = seen.segment in files and files[seen.segment].stat().st_size >= seen.offset
    return seen if whole and seen.since == since else _Seen(since=since)


def attested(root: Path) -> Attestation | None:
    """What officers attested last on this host."""
    try:
        return Attestation.model_validate_json((root / ATTESTED).read_bytes())
    except FileNotFoundError:
        return None


def latest(log: Path) -> datetime:
    """The clock's time, or the greatest of the log's records or that officers attested, where that is later."""
    said = attested(log.parent)
    known = last_entry(log, said.records if said else 0)
    return max([datetime.now(UTC), *(time for time in (known, said and said.time) if time)])


def attest(paths: HostPaths, statement: Path, *, dry_run: bool = False) -> dict[str, Any]:
    """Accept what two officers say of the time; recorded first.

    Raises:
        ApplianceError: it does not hold, is not of now, was used before, or leaves a wrong time in account.
    """
    site, log = installed_statements(paths).site, paths.root / "log"
    found = validated(
        Attestation, load_signed(statement, paths.registries / "current" / "officers.json", KIND), statement.name
    )
    before, size, now = attested(paths.root), _look(log, found.records).records, datetime.now(UTC)
    left = last_entry(log, found.records)
    if found.site != site.site or abs(found.time - now) > TOLERANCE:
        raise ApplianceError(
            f"{statement}: is of the site {found.site} and says {found.time:%Y-%m-%d %H:%M} UTC; now the clock says"
            f" {now:%Y-%m-%d %H:%M}",
            rule=f"officers attest the time of their own site, at most {TOLERANCE.seconds // 60} minutes before",
            remedy="set the host's clock right, and have two officers sign the time anew",
        )
    if not (before.records if before else 0) < found.records <= size:
        raise ApplianceError(
            f"{statement}: leaves {found.records} records out of account, and the log has {size}",
            rule="an attestation serves once, and is about records that there are",
            remedy=f"have two officers sign one with records: {size}",
        )
    if left and left > found.time + TOLERANCE:
        raise ApplianceError(
            f"{statement}: a record behind the first {found.records} says {left:%Y-%m-%d %H:%M} UTC",
            rule="the records that are left in account have no time after the attested one",
            remedy=f"have two officers sign one with records: {size}",
        )
    if not dry_run:
        detail: dict[str, Any] = {"time": found.time.isoformat(), "records": found.records, "reason": found.reason}
        event = events.activity(Scope(label=site.system_high.marking.label.encode()), "host", ATTEST, detail=detail)
        spool.record(paths.root, event)
        target = paths.root / ATTESTED
        signed = read_limited(statement, MAXIMUM_SIZE)
        replace_files([(target.with_name("time.dsse.json"), signed), (target, found.model_dump_json().encode())])
    return found.model_dump(mode="json") | {"dry_run": dry_run}
