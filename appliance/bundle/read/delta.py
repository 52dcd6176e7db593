"""A bundle that carries only what its receiver does not have, with the signatures of the whole one."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.bundle.repository.carry import hash_target
from appliance.bundle.repository.held import HeldBundles
from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical
from appliance.trust.files import read_limited
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.schema import Digest, Number

DELTA_FILE = "delta.json"
_LIMIT = 64 << 10


class DeltaError(ApplianceError):
    """A delta that cannot be made, or whose receiver lacks what it presupposes."""


class Edition(BaseModel):
    """Which bundle: the fingerprint of its root, and the version of its metadata."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    root: Digest
    version: Number

    @classmethod
    def of(cls, repository: Repository) -> Self:
        """The edition of a bundle."""
        return cls(root=repository.root, version=repository.version)

    def __str__(self) -> str:
        return f"version {self.version} of root {self.root[:16]}"


class _Delta(BaseModel):
    """``delta.json``: what a delta presupposes. Unsigned and not trusted: it only helps to name what is missing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    since: Annotated[list[Edition], Field(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Earlier:
    """What the receiver of a delta has: the bundles, and the SHA-256 of every file in them."""

    editions: Sequence[Edition]
    digests: frozenset[str]

    @property
    def version(self) -> int:
        """The highest version; a later bundle has a higher one, because a host refuses to go back."""
        return max((edition.version for edition in self.editions), default=0)


def earlier_bundle(folder: Path, root_fingerprint: str) -> Earlier:
    """What a receiver has who installed the bundle in ``folder``; its signed metadata alone is read.

    Raises:
        ApplianceError: the metadata does not prove itself; that it has expired since does not matter.
    """
    repository = read_repository(folder / "metadata", root_fingerprint, now=datetime.fromtimestamp(0, UTC))
    digests = frozenset(target.sha256 for target in repository.targets.values())
    return Earlier([Edition.of(repository)], digests)


def write_delta(new: Path, earlier: Earlier, out: Path, root_fingerprint: str) -> list[Target]:
    """Write a bundle that carries only what its receiver does not have, with the same signatures as ``new``.

    First it is proven that what the receiver has and what is carried is everything that ``new`` lists. Files are
    hard links where the file system allows it.

    Args:
        new: the complete new bundle.
        earlier: what the receiver has.
        out: a folder that is absent or empty.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.

    Returns:
        What it carries.

    Raises:
        ApplianceError: metadata does not prove itself, a file to carry is missing or not what was signed, or the folder
            is not empty or not writable.
    """
    require_empty(out)
    repository = read_repository(new / "metadata", root_fingerprint)
    carried = [target for target in repository.targets.values() if target.sha256 not in earlier.digests]
    for finding in filter(None, (hash_target(new / "targets" / target.path, target) for target in carried)):
        raise DeltaError(finding, rule="a delta and the bundles before it have everything", remedy="build again")
    try:
        (out / "metadata").mkdir(parents=True)
        (out / "targets").mkdir()
        (out / DELTA_FILE).write_bytes(canonical.encode(_Delta(since=list(earlier.editions)).model_dump()))
        for name, data in repository.files.items():
            (out / "metadata" / name).write_bytes(data)
        for target in carried:
            _put(new / "targets" / target.path, out / "targets" / target.path)
    except OSError as error:
        raise DeltaError(f"{out}: cannot be written: {error}", remedy="make room and begin again") from error
    return carried


def require_empty(out: Path) -> None:
    """Refuse a folder that has something in it.

    Raises:
        DeltaError: it has.
    """
    if out.exists() and any(out.iterdir()):
        raise DeltaError(f"{out}: is not empty", remedy="choose a new folder")


def require_held(bundle: Path, held: HeldBundles, targets: Sequence[Target]) -> None:
    """Refuse a delta whose receiver lacks what it presupposes, before any file is read.

    Raises:
        ApplianceError: names the bundle that is wanted; or ``delta.json`` is not in its form.
    """
    if not os.path.lexists(bundle / DELTA_FILE):
        return
    since = _read(bundle / DELTA_FILE).since
    if not (missing := held.lacks(bundle, targets)):
        return
    wanted = " and ".join(map(str, since))
    raise DeltaError(
        f"{len(missing)} files are neither on this medium nor on this host, the first is targets/{missing[0].path}",
        rule=f"the medium carries only what {wanted} does not have",
        remedy="install that bundle first, or carry the whole new one",
    )


def _read(path: Path) -> _Delta:
    try:
        return _Delta.model_validate(canonical.decode_canonical(read_limited(path, _LIMIT), str(path)))
    except ValidationError as error:
        raise DeltaError(f"{path}: {first_finding(error)}", remedy="carry it again from its source") from error


def _put(source: Path, sink: Path) -> None:
    sink.parent.mkdir(parents=True, exist_ok=True)
    try:
        sink.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, sink, follow_symlinks=False)
