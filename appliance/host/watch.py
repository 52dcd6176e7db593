"""What needs a person's attention on this host, and when: looked at by the clock, told in the journal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.audit.review import OVERDUE
from appliance.audit.storage import Storage, storage, used
from appliance.audit.witness import COSIGNED
from appliance.enclave.render import HostPaths

DAY = 24 * 3600


class Watch(StrEnum):
    """What is looked at."""

    STORAGE = "storage"
    REVIEW = "review"


@dataclass(frozen=True)
class Reminder:
    """Something for a person to do: what is the matter, the rule, and the command that helps."""

    watch: Watch
    text: str
    rule: str
    remedy: str


def reminders(paths: HostPaths, watch: Watch, now: float | None = None) -> list[Reminder]:
    """What ``watch`` finds; nothing when all is well.

    Args:
        paths: where the appliance lives.
        watch: what to look at.
        now: seconds since the epoch; the host's clock when not given.
    """
    moment = time.time() if now is None else now
    look: dict[Watch, Callable[[Path, float], list[Reminder]]] = {
        Watch.STORAGE: _storage,
        Watch.REVIEW: _review,
    }
    return look[watch](paths.root / "log", moment)


def _storage(log: Path, _: float) -> list[Reminder]:
    state = storage(log)
    if state is Storage.GOOD:
        return []
    share, free = used(log)
    text = f"the disk of the audit log is {share:.0%} full, {free >> 20} MiB are free: {state.value}"
    rule = "AU-5: warn at 75 %, administration only at 95 %, halt at the end"
    return [Reminder(Watch.STORAGE, text, rule, "carry evidence away: appliance audit export --help")]


def _review(log: Path, now: float) -> list[Reminder]:
    """A reminder, not a proof: the console and `audit review` judge by the officers' own signatures."""
    cosigned = [path.stat().st_mtime for path in (log / COSIGNED).glob("*")]
    last = max(cosigned, default=(log / "log.vkey").stat().st_mtime)
    if now - last <= OVERDUE:
        return []
    text = f"no officer has cosigned the audit log for {(now - last) / DAY:.0f} days"
    return [Reminder(Watch.REVIEW, text, "CCI-000148: at least every seven days", "appliance audit review --help")]
