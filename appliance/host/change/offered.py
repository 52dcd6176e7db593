"""What a bundle offers, read from the files that its makers signed, before anything of it is staged."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from appliance.bundle.repository.held import HeldBundles
from appliance.contract.catalogue import TARGET, Catalogue, no_catalogue, read_catalogue
from appliance.errors import ApplianceError
from appliance.host.change import clusters
from appliance.trust.files import read_limited
from appliance.trust.repository.client import Repository

LIMIT = 4 << 20


class Offered:
    """Small files of a bundle, each proven again as it is read.

    Args:
        bundle: its folder.
        repository: its metadata, verified.
        bases: earlier bundles on this host, where this one is a delta.
    """

    def __init__(self, bundle: Path, repository: Repository, bases: Sequence[Path] = ()) -> None:
        self._bundle, self._repository, self._held = bundle, repository, HeldBundles(bases)

    def read(self, path: str) -> bytes:
        """A target by its path.

        Raises:
            ApplianceError: the bundle has none of that path, or its bytes are not those that were signed.
        """
        target = self._repository.targets.get(path)
        if target is None:
            raise ApplianceError(
                f"{self._bundle}: carries no {path}", rule="a bundle lists all its files", remedy="build it again"
            )
        data = read_limited(self._held.locate(self._bundle, target), LIMIT)
        if hashlib.sha256(data).hexdigest() != target.sha256:
            raise ApplianceError(
                f"{self._bundle / 'targets' / path}: is not the file that was signed",
                rule="a bundle is believed as its makers signed it",
                remedy="carry the bundle again",
            )
        return data

    def catalogue(self) -> Catalogue:
        """The services.

        Raises:
            ApplianceError: the bundle has no catalogue, or another than the one that was signed.
        """
        if TARGET not in self._repository.targets:
            raise no_catalogue(self._bundle)
        return read_catalogue(self.read(TARGET), TARGET)

    def major(self) -> int | None:
        """The major of its PostgreSQL, or None where it has no database.

        Raises:
            ApplianceError: the layout of the images is not the one that was signed.
        """
        return clusters.offered_major(self.read) if "images/index.json" in self._repository.targets else None
