"""Settings of the console."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ConsoleSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        log: folder of the audit log, mounted read-only.
        key: the log's verifier key; None reads ``log.vkey`` in the log's folder, and the page about health says so.
        markings: marking texts by encoded label, for labels of the site; others are written from the label.
        policy: who must cosign the log's checkpoints (C2SP tlog-policy), as text; None leaves reviews unverified.
        verify_every: seconds between full verifications.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    log: Path = Path("/var/log/appliance")
    key: str | None = None
    markings: dict[str, str] = {}
    policy: str | None = None
    verify_every: float = Field(default=600, gt=0)
