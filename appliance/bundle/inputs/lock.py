"""The lock of every input that is not a Python package: Debian packages, npm packages and models.

`images/sources.lock` holds each Debian package once and, for each image, the bootstrap and the disconnected host, the
names of its whole closure. Python packages are locked by `requirements.lock` files.
"""

import json
import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from appliance.bundle.inputs.apt import Apt
from appliance.bundle.inputs.process import run
from appliance.bundle.inputs.recipe import Recipe, ancestry
from appliance.errors import ApplianceError

ESSENTIAL = "?and(?essential,?not(?exact-name(apt)))"
"""apt counts itself as essential; an image that can install nothing more does without."""

HOST = "host"
"""The closure of what a minimal Debian 12 host without a network needs."""

MINIMAL = "minimal"
"""The closure of the least that a Debian host has; the bootstrap relies on it."""

BOOTSTRAP = "bootstrap"
"""That, and what the bootstrap needs to run the appliance's command."""

REBUILD_TOOLS = ("mmdebstrap",)
"""What a host needs besides to build the images of a bundle again."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DebianPackage(BaseModel):
    """A Debian package of the lock; ``size`` in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    architecture: str
    sha256: Sha256
    size: Annotated[int, Field(gt=0)]


class NpmPackage(BaseModel):
    """An npm package; ``integrity`` is the registry's `sha512-<base64>` of the tarball."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    integrity: Annotated[str, StringConstraints(pattern=r"^sha512-[A-Za-z0-9+/]{86}==$")]


class SourcesLock(BaseModel):
    """The content of `images/sources.lock`; no file of an image is younger than ``epoch`` (seconds)."""

    model_config = ConfigDict(extra="forbid")

    epoch: int
    debian: dict[str, DebianPackage] = {}
    requested: dict[str, list[str]] = {}
    closures: dict[str, list[str]] = {}
    npm: dict[str, NpmPackage] = {}

    def require(self, requested: dict[str, list[str]], npm: dict[str, str]) -> None:
        """Refuse a lock that was made for other recipes.

        Args:
            requested: what the recipes ask of apt now.
            npm: version by name of the npm packages that they pin now.

        Raises:
            ApplianceError: names an image, or an npm package, that changed since.
        """
        stale = [name for name in requested if self.requested.get(name) != requested[name]]
        stale += [name for name, version in npm.items() if name not in self.npm or self.npm[name].version != version]
        if stale:
            raise ApplianceError(f"images/sources.lock is older than {', '.join(stale)}", remedy="run `make lock`")


def read_lock(path: Path) -> SourcesLock:
    """Read a lock file.

    Raises:
        ApplianceError: the file is missing or not a lock.
    """
    try:
        return SourcesLock.model_validate_json(path.read_text())
    except (FileNotFoundError, ValidationError) as error:
        raise ApplianceError(f"{path}: {error}", remedy="run `make lock`") from error


def lock_text(lock: SourcesLock) -> str:
    """``lock`` as text in which a changed package is a changed line."""
    return json.dumps(lock.model_dump(), indent=1, sort_keys=True) + "\n"


def write_lock(lock: SourcesLock, path: Path) -> None:
    """Write ``lock`` to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lock_text(lock))


def locked_as(name: str, recipes: dict[str, Recipe]) -> str:
    """The image whose closure is that of ``name``: itself, or the nearest ancestor that adds packages.

    So an image that adds none, like most services, needs no new lock.
    """
    recipe = recipes[name]
    return name if recipe.packages or recipe.parent is None else locked_as(recipe.parent, recipes)


def requests(recipes: dict[str, Recipe], host_packages: list[str]) -> dict[str, list[str]]:
    """For each image, the bootstrap and the host, what apt is asked for; a lock of other requests does not count."""
    images = {
        name: [ESSENTIAL, *(package for parent in ancestry(name, recipes) for package in parent.packages)]
        for name in recipes
        if locked_as(name, recipes) == name
    }
    minimal = ["?essential", "?priority(required)", "apt"]
    return images | {
        MINIMAL: minimal,
        BOOTSTRAP: [*minimal, "python3"],
        HOST: [*minimal, *host_packages, *REBUILD_TOOLS],
    }


def resolve(recipes: dict[str, Recipe], host_packages: list[str], apt: Apt, *, epoch: int | None = None) -> SourcesLock:
    """Choose a version for every package that the images and the host need.

    Args:
        recipes: all images, parents first.
        host_packages: names that a disconnected host needs.
        apt: an apt whose lists are up to date.
        epoch: keep this time instead of now, in seconds.

    Raises:
        ApplianceError: a package does not exist, or two images pin one npm package to different versions.
    """
    lock = SourcesLock(epoch=epoch or int(time.time()) // 86400 * 86400)
    lock.requested = requests(recipes, host_packages)
    for name, packages in lock.requested.items():
        candidates = apt.closure(packages)
        lock.closures[name] = [candidate.name for candidate in candidates]
        for candidate in candidates:
            package = DebianPackage(
                version=candidate.version,
                architecture=candidate.architecture,
                sha256=candidate.sha256,
                size=candidate.size,
            )
            lock.debian[candidate.name] = package
    for recipe in recipes.values():
        for name, version in recipe.npm.items():
            known = lock.npm.get(name)
            if known and known.version != version:
                raise ApplianceError(f"images/{recipe.name}: another image has npm package {name} {known.version}")
            lock.npm[name] = known or NpmPackage(version=version, integrity=_npm_integrity(name, version))
    return lock


def _npm_integrity(name: str, version: str) -> str:
    command = ["npm", "view", f"{name}@{version}", "dist.integrity"]
    return run(command, purpose=f"asking npm for {name} {version}").strip()


def differences(old: SourcesLock, new: SourcesLock) -> list[str]:
    """One line for each Debian package whose version or content differs: what a person must see of a new lock."""
    lines = []
    for name in sorted(old.debian.keys() | new.debian.keys()):
        before, after = old.debian.get(name), new.debian.get(name)
        if before != after:
            lines.append(f"{name}: {before.version if before else 'absent'} -> {after.version if after else 'gone'}")
    return lines
