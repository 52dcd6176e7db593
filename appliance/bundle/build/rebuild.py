"""Build the images of a bundle again from what the bundle itself carries, and compare: trust in the builder, tested."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from appliance.bundle.build.steps import Builder
from appliance.bundle.build.wheel import PROJECTS, Project
from appliance.bundle.inputs.collect import Artifact, sha256_of
from appliance.bundle.read.verify import verify_bundle
from appliance.errors import ApplianceError


@dataclass(frozen=True)
class Rebuilt:
    """An image that was built again: SHA-256 of its manifest as ``signed`` and as ``rebuilt``."""

    name: str
    signed: str
    rebuilt: str
    seconds: float

    @property
    def same(self) -> bool:
        """Whether the bundle carries what its inputs give."""
        return self.signed == self.rebuilt


class SiteBuilder(Builder):
    """Builds from the recipes and packages in a bundle, without a network.

    Args:
        bundle: a bundle whose every file is proven.
        cache: empty folder for layers.
        marking: classification of the bundle.
        only: build this image and its parents, not all.
    """

    def __init__(self, bundle: Path, cache: Path, *, marking: str, only: str | None = None) -> None:
        self.targets = bundle.resolve() / "targets"
        super().__init__(self.targets / "playbooks", cache, cache / "out", marking=marking, only=only)
        for folder in (self.store.debs, self.store.wheels, self.store.npm):
            for path in (self.targets / folder.name).glob("*.*"):
                (folder / path.name).symlink_to(path)

    @cached_property
    def own_wheels(self) -> dict[str, Artifact]:
        """This project's own wheels, which the bundle carries, by name."""
        return {project.name: self._carried(project) for project in PROJECTS}

    def _carried(self, project: Project) -> Artifact:
        wheels = list((self.targets / "wheels").glob(project.pattern))
        if len(wheels) != 1:
            raise ApplianceError(
                f"{self.targets}/wheels: {len(wheels)} wheels of {project.name}, one must be",
                rule="a bundle carries the software that it and its images are made of",
                remedy="name a whole bundle",
            )
        return Artifact("wheel", project.name, wheels[0].name.split("-")[1], wheels[0], sha256_of(wheels[0]))


def rebuild(
    bundle: Path, root_fingerprint: str, cache: Path, on_image: Callable[[Rebuilt], None], *, only: str | None = None
) -> list[Rebuilt]:
    """Verify a bundle, build its images again and compare their digests with the signed ones.

    Args:
        bundle: folder with ``metadata/`` and ``targets/``.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        cache: empty folder for what is built.
        on_image: told of each image when it is done.
        only: build this image and its parents, not all.

    Raises:
        ApplianceError: the bundle does not verify, or an input for a build is missing.
    """
    repository, report = verify_bundle(bundle, root_fingerprint)
    report.require()
    marking = repository.targets["images/index.json"].custom.label
    builder = SiteBuilder(bundle, cache, marking=marking, only=only)
    results = []
    for name in builder.recipes:
        began = time.monotonic()
        digest = builder.image(name).manifest.digest
        signed = report.images[name].digest if name in report.images else ""
        results.append(Rebuilt(name, signed, digest, time.monotonic() - began))
        on_image(results[-1])
    return results
