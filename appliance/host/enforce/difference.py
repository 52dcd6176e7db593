"""A difference between what runs on this host and what was admitted."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class HostDifference:
    """One difference.

    Attributes:
        key: what differs, for example ``owner of /run/appliance/secret/record``.
        expected: what was admitted.
        found: what is there.
        reason: why it matters.
    """

    key: str
    expected: str
    found: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.key}: {self.found} instead of {self.expected} ({self.reason})"
