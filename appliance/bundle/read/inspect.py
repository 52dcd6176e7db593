"""What a bundle says it carries: contents, sizes, labels, signers, and its known vulnerabilities."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.bundle.advisories.findings import Assessment, assess
from appliance.trust.files import read_limited
from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.client import read_repository
from appliance.trust.repository.metadata import LIMITS, Target


class Group(BaseModel):
    """All targets of one kind.

    Attributes:
        kind: for example ``deb``.
        files: how many.
        size: their bytes.
        labels: marking to number of files.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    files: int
    size: int
    labels: dict[str, int]


class Entry(BaseModel):
    """One target."""

    model_config = ConfigDict(frozen=True)

    path: str
    kind: str
    label: str
    size: int
    sha256: str


class Contents(BaseModel):
    """A bundle as its metadata describes it.

    Attributes:
        proven: whether the root was compared with a fingerprint from paper.
        root: fingerprint of the bundle's root.
        demo: whether it is marked as a demonstration's.
        version: version of the metadata.
        created: when it was made.
        expires: when it expires.
        expired: whether that has passed.
        threshold: how many people must sign.
        people: everyone who may.
        signers: role to those who did.
        groups: targets by kind.
        targets: every target.
        vulnerabilities: what its advisory feed says, or None when that was not asked.
    """

    model_config = ConfigDict(frozen=True)

    proven: bool
    root: str
    demo: bool
    version: int
    created: datetime
    expires: datetime
    expired: bool
    threshold: int
    people: list[str]
    signers: dict[str, tuple[str, ...]]
    groups: list[Group]
    targets: list[Entry]
    vulnerabilities: Assessment | None = None


def inspect_bundle(bundle: Path, root_fingerprint: str | None = None, *, vulnerabilities: bool = False) -> Contents:
    """Describe a bundle from its signed metadata; other files are read for its vulnerabilities alone.

    Args:
        bundle: folder with ``metadata/`` and ``targets/``.
        root_fingerprint: from paper; without it the bundle only vouches for itself.
        vulnerabilities: match what it carries with its advisory feed too.

    Raises:
        ApplianceError: the metadata does not hold together, or a file that is read is not what was signed.
    """
    metadata = bundle / "metadata"
    own = fingerprint(read_limited(metadata / "1.root.json", LIMITS["root"]))
    repository = read_repository(metadata, root_fingerprint or own, now=datetime.fromtimestamp(0, UTC))
    targets = list(repository.targets.values())
    kinds = sorted({target.custom.kind for target in targets})
    return Contents(
        proven=root_fingerprint is not None,
        root=own,
        demo=repository.registered.demo,
        version=repository.version,
        created=repository.created,
        expires=repository.expires,
        expired=datetime.now(UTC) >= repository.expires,
        threshold=repository.registered.threshold,
        people=sorted(repository.registered.people),
        signers=repository.signers,
        groups=[_group(kind, [target for target in targets if target.custom.kind == kind]) for kind in kinds],
        targets=[
            Entry(path=t.path, kind=t.custom.kind, label=t.custom.label, size=t.length, sha256=t.sha256)
            for t in sorted(targets, key=lambda target: target.path)
        ],
        vulnerabilities=assess(bundle, repository.targets) if vulnerabilities else None,
    )


def _group(kind: str, targets: list[Target]) -> Group:
    return Group(
        kind=kind,
        files=len(targets),
        size=sum(target.length for target in targets),
        labels=dict(Counter(target.custom.label for target in targets)),
    )
