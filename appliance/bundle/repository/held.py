"""Bundles that a host has already: what a later, smaller bundle does not carry is taken from there."""

import os
from collections.abc import Sequence
from pathlib import Path

from appliance.trust.files import read_limited
from appliance.trust.repository.metadata import LIMITS, Target, parse, targets_of


class HeldBundles:
    """Files of earlier bundles by their digest. Nothing in them is trusted: every file is hashed again when it is used.

    Args:
        folders: the earlier bundles, the best first.

    Raises:
        ApplianceError: one is not a bundle.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files: dict[str, Path] = {}
        for folder in folders:
            for target in listed(folder):
                file = folder / "targets" / target.path
                if os.path.lexists(file):
                    self._files.setdefault(target.sha256, file)

    def find(self, sha256: str) -> Path | None:
        """A file that should have this digest."""
        return self._files.get(sha256)

    def locate(self, bundle: Path, target: Target) -> Path:
        """Where a target lies: in ``bundle``, otherwise here; in ``bundle`` too when it is nowhere."""
        own = bundle / "targets" / target.path
        return own if os.path.lexists(own) else self.find(target.sha256) or own

    def lacks(self, bundle: Path, targets: Sequence[Target]) -> list[Target]:
        """The targets that are neither in ``bundle`` nor here."""
        return [target for target in targets if not os.path.lexists(self.locate(bundle, target))]


def listed(bundle: Path) -> list[Target]:
    """What a bundle's metadata lists, its signatures not verified.

    Raises:
        ApplianceError: it is not a bundle.
    """
    path = bundle / "metadata" / "targets.json"
    metadata = parse(read_limited(path, LIMITS["targets"]), "targets", str(path))
    return list(targets_of(metadata.signed).values())


def held_bundles(folder: Path) -> list[Path]:
    """The bundles that were staged completely below ``folder``, the newest first."""
    staged = [path for path in folder.glob("*") if is_whole(path)]
    return sorted(staged, key=lambda path: -(path / "metadata").stat().st_mtime)


def is_whole(folder: Path) -> bool:
    """Whether a bundle was staged completely there: its metadata are written last."""
    return (folder / "metadata" / "targets.json").is_file()
