"""Settings of the tuning service."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from appliance.service.certificate import Certifier

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container reads how much memory it may have, under either version of control groups."""
DEFAULT = 3 << 30


class TuningSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        models: names of the models that adapters are made for; the first is the enclave's.
        certifiers: the people who may certify models.
        officers: the officers, who sign certificates of higher tiers too.
        policy: SHA-256 of the certification policy.
        site: name of the site.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: tuple[str, ...] = Field(min_length=1)
    certifiers: tuple[Certifier, ...] = ()
    officers: tuple[Certifier, ...] = ()
    policy: str = ""
    site: str = ""


def memory() -> int:
    """Bytes that this service may use."""
    for place in LIMITS:
        try:
            value = int(place.read_text())
        except (OSError, ValueError):  # absent, or `max`
            continue
        if value < 1 << 50:
            return value
    return DEFAULT
