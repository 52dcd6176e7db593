"""A bundle that a host has already: what a later, smaller bundle does not carry is taken from there."""

import os
import shutil
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.trust.client import read_repository
from appliance.trust.files import read_limited
from appliance.trust.metadata import LIMITS, Target, parse, targets_of


class Base:
    """Files of an earlier bundle by their digest. Nothing in it is trusted: every file is hashed again when it is used.

    Args:
        folder: the earlier bundle, or None for none.

    Raises:
        ApplianceError: it is not a bundle.
    """

    def __init__(self, folder: Path | None) -> None:
        self._files: dict[str, Path] = {}
        if folder is None:
            return
        name = str(folder / "metadata" / "targets.json")
        data = read_limited(folder / "metadata" / "targets.json", LIMITS["targets"])
        for target in targets_of(parse(data, "targets", name).signed).values():
            self._files[target.sha256] = folder / "targets" / target.path

    def find(self, sha256: str) -> Path | None:
        """A file that should have this digest."""
        return self._files.get(sha256)

    def locate(self, bundle: Path, target: Target) -> Path:
        """Where a target lies: in ``bundle``, otherwise here; in ``bundle`` too when it is nowhere."""
        own = bundle / "targets" / target.path
        return own if os.path.lexists(own) else self.find(target.sha256) or own


def write_delta(new: Path, old: Path, out: Path, root_fingerprint: str) -> list[Target]:
    """Write a bundle that carries only what ``old`` does not have, with the same signatures as ``new``.

    Files are hard links where the file system allows it. Its reader needs ``old`` as its base, and finds out before
    anything changes when something is missing.

    Args:
        new: the complete new bundle.
        old: the bundle that the host has.
        out: a folder that is absent or empty.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.

    Returns:
        What it carries.

    Raises:
        ApplianceError: metadata does not prove itself, or the folder is not empty or not writable.
    """
    repository = read_repository(new / "metadata", root_fingerprint)
    held = {target.sha256 for target in read_repository(old / "metadata", root_fingerprint).targets.values()}
    missing = [target for target in repository.targets.values() if target.sha256 not in held]
    if out.exists() and any(out.iterdir()):
        raise ApplianceError(f"{out}: is not empty", remedy="choose a new folder")
    try:
        (out / "metadata").mkdir(parents=True)
        (out / "targets").mkdir()
        for name, data in repository.files.items():
            (out / "metadata" / name).write_bytes(data)
        for target in missing:
            source, sink = new / "targets" / target.path, out / "targets" / target.path
            sink.parent.mkdir(parents=True, exist_ok=True)
            try:
                sink.hardlink_to(source)
            except OSError:
                shutil.copyfile(source, sink, follow_symlinks=False)
    except OSError as error:
        raise ApplianceError(f"{out}: cannot be written: {error}", remedy="make room and begin again") from error
    return missing
