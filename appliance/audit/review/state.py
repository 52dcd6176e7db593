"""The state of the log that every status shows: room, review, anchor."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from appliance.audit.events import ocsf
from appliance.audit.log import anchor, bodies
from appliance.audit.log.policy import Policy, installed
from appliance.audit.log.storage import Storage, storage
from appliance.audit.review.query import checkpoint_of
from appliance.audit.review.summary import last_review, overdue
from appliance.errors import ApplianceError


class LogState(BaseModel):
    """What somebody should know about the log before all else.

    Attributes:
        size: records under the checkpoint.
        storage: what the fill of its disk allows.
        reviewed: when the officers' quorum cosigned last, or None.
        unreviewed: records since then.
        overdue: whether that was more than seven days ago.
        anchored: when an anchor left the host last, or None.
        unanchored: records since then: what root could rewrite unseen, together with ``unreviewed``.
        anchor_due: whether that was more than a day ago.
    """

    size: int
    storage: Storage
    reviewed: datetime | None
    unreviewed: int
    overdue: bool
    anchored: datetime | None
    unanchored: int
    anchor_due: bool

    def warnings(self) -> list[str]:
        """What someone should act on, in words; empty when nothing is."""
        found = []
        if self.storage is not Storage.GOOD:
            found.append(f"the disk of the audit log: {self.storage}")
        if self.overdue:
            when = f"{self.reviewed:%Y-%m-%d}" if self.reviewed else "never"
            found.append(f"REVIEW OVERDUE: last cosigned {when}, {self.unreviewed} records since")
        if self.anchor_due:
            when = f"{self.anchored:%Y-%m-%d %H:%M}" if self.anchored else "never"
            found.append(f"anchor due: last taken {when}, {self.unanchored} records since (appliance audit anchor)")
        return found


def log_state(log: Path, now: float, policy: Policy | None = None) -> LogState:
    """The state of the log in ``log``.

    Args:
        log: the log's folder.
        now: seconds since the epoch.
        policy: who must cosign; None takes the installed one. Without either, nothing counts as reviewed.

    Raises:
        ApplianceError: the checkpoint or the policy cannot be read.
    """
    size = checkpoint_of(log).size
    rules = policy or installed(log)
    review = last_review(log, rules) if rules else None
    taken = anchor.last(log)
    begun = first_time(log)
    return LogState(
        size=size,
        storage=storage(log),
        reviewed=datetime.fromtimestamp(max(review.cosigned.values()), UTC) if review else None,
        unreviewed=size - (review.checkpoint.size if review else 0),
        overdue=overdue(review, int(now), begun),
        anchored=datetime.fromtimestamp(taken[1], UTC) if taken else None,
        unanchored=size - min(size, taken[0] if taken else 0),
        anchor_due=size > 0 and now - (taken[1] if taken else begun or now) > anchor.DUE,
    )


def first_time(log: Path) -> int | None:
    """When the log's first event happened, in seconds since the epoch; None without one."""
    try:
        return ocsf.read(bodies.find(log, 0).body).time // 1000
    except ApplianceError:
        return None
