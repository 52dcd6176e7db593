"""What needs a person's attention on this host: looked at by the clock, told in the journal."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from appliance.audit.log.storage import Storage
from appliance.audit.review.state import LogState, log_state
from appliance.enclave.paths import HostPaths
from appliance.host.state import calendar


class Watch(StrEnum):
    """What is looked at."""

    STORAGE = "storage"
    REVIEW = "review"
    ANCHOR = "anchor"
    CALENDAR = "calendar"


@dataclass(frozen=True)
class Reminder:
    """Something for a person to do: what is the matter, the rule, and the command that helps."""

    text: str
    rule: str
    remedy: str


def reminder(paths: HostPaths, watch: Watch, now: float | None = None) -> Reminder | None:
    """What ``watch`` finds, or None when all is well.

    Args:
        paths: where the appliance lives.
        watch: what to look at.
        now: seconds since the epoch; the host's clock when not given.

    Raises:
        ApplianceError: the log's checkpoint or policy cannot be read.
    """
    if watch is Watch.CALENDAR:
        return _calendar(paths, now)
    state = log_state(paths.root / "log", time.time() if now is None else now)
    if watch is Watch.STORAGE:
        return _storage(state)
    return _review(state) if watch is Watch.REVIEW else _anchor(state)


def _calendar(paths: HostPaths, now: float | None) -> Reminder | None:
    found = calendar.read(paths, None if now is None else datetime.fromtimestamp(now, UTC))
    warnings = found.warnings()
    if not warnings:
        return None
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return Reminder(
        warnings[0] + more, "what expires stops work, or is trusted for too long", "appliance host calendar"
    )


def _storage(state: LogState) -> Reminder | None:
    if state.storage is Storage.GOOD:
        return None
    rule = "AU-5: warn at 75 %, administration only at 95 %, halt at the end"
    return Reminder(f"the disk of the audit log: {state.storage}", rule, "appliance audit export --help")


def _review(state: LogState) -> Reminder | None:
    if not state.overdue:
        return None
    last = f"{state.reviewed:%Y-%m-%d}" if state.reviewed else "never"
    text = f"the officers' review is overdue: last {last}, {state.unreviewed} records since"
    return Reminder(text, "CCI-000148: at least every seven days", "appliance audit review --help")


def _anchor(state: LogState) -> Reminder | None:
    if not state.anchor_due:
        return None
    last = f"{state.anchored:%Y-%m-%d %H:%M}" if state.anchored else "never"
    text = f"an anchor of the log is due: last {last}, {state.unanchored} records since"
    return Reminder(text, "what no other place has seen, root can rewrite: daily", "appliance audit anchor --help")
