"""What `images/<name>/image.yml` says about an image."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from appliance.errors import ApplianceError
from appliance.trust import canonical

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_SEGMENT = r"[A-Za-z0-9@_][A-Za-z0-9@._-]*"  # begins with no dot, so that no path leaves its folder
ContainerPath = Annotated[str, StringConstraints(pattern=rf"^(/{_SEGMENT})+$")]
RecipePath = Annotated[str, StringConstraints(pattern=rf"^{_SEGMENT}(/{_SEGMENT})*$")]
_PATTERN = r"[A-Za-z0-9@_*?\[][A-Za-z0-9@._*?\[\]!+-]*"
ContainerPattern = Annotated[str, StringConstraints(pattern=rf"^(/{_PATTERN})+$")]
"""Paths in an image, with the wildcards of a shell; `**` is any number of folders."""

Uid = Annotated[int, Field(ge=1000, le=59999)]


class User(BaseModel):
    """A user of the image; its group has the same name and number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    uid: Uid


class Recipe(BaseModel):
    """One image, as its folder describes it.

    ``files`` are copied before the Debian packages are installed, so that their scripts find them. ``npm_files`` maps a
    path inside a package (``<package>/<path>``) to the path in the image. ``other_users`` are known by name only, for
    software that maps the peer of a socket to a name. ``without`` is removed after the packages and wheels are
    installed: what they bring and nothing in this image uses. What a parent brings stays.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    parent: Name | None = None
    packages: list[str] = []
    wheels: str | None = None
    npm: dict[str, str] = {}
    npm_files: dict[RecipePath, ContainerPath] = {}
    user: User | None = None
    other_users: list[User] = []
    entrypoint: list[str] = []
    stop_signal: str = "SIGTERM"
    environment: dict[str, str] = {}
    files: dict[RecipePath, ContainerPath] = {}
    without: list[ContainerPattern] = []
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: object) -> object:
        """An empty entry in the YAML means the default."""
        return {k: v for k, v in values.items() if v is not None} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _npm_files_are_of_pinned_packages(self) -> Self:
        for source in self.npm_files:
            if not any(source.startswith(f"{package}/") for package in self.npm):
                raise ValueError(f"npm_files: {source} belongs to no package of npm")
        return self


def load_recipe(folder: Path) -> Recipe:
    """Read ``image.yml`` of an image's folder.

    Raises:
        ApplianceError: the file does not follow `docs/architecture.md`, "Images".
    """
    path = folder / "image.yml"
    try:
        recipe = Recipe.model_validate(canonical.decode_yaml(path.read_text(), str(path)))
    except ValidationError as error:
        raise ApplianceError(f"{path}: {error}", rule="docs/architecture.md, Images") from error
    if recipe.name != folder.name:
        raise ApplianceError(f"{path}: the name is {recipe.name}, the folder {folder.name}; they must be equal")
    return recipe


def load_recipes(images: Path) -> dict[str, Recipe]:
    """All images below ``images``, parents before children.

    Raises:
        ApplianceError: a recipe is wrong, or names a parent that does not exist or descends from itself.
    """
    found = {path.parent.name: load_recipe(path.parent) for path in sorted(images.glob("*/image.yml"))}
    if not found:
        raise ApplianceError(
            f"no image.yml below {images}",
            rule="images are built from their recipes, which a checkout and a whole bundle have",
            remedy="name a checkout of the project, or a bundle that carries its own recipes",
        )
    ordered: dict[str, Recipe] = {}
    waiting = dict(found)
    while waiting:
        ready = [name for name, recipe in waiting.items() if recipe.parent is None or recipe.parent in ordered]
        if not ready:
            raise ApplianceError(f"images {sorted(waiting)}: their parents do not exist or descend from themselves")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered


def ancestry(name: str, recipes: dict[str, Recipe]) -> list[Recipe]:
    """The image and its parents, the root first."""
    recipe = recipes.get(name)
    if recipe is None:
        raise ApplianceError(f"no image is named {name}", remedy=f"choose one of {', '.join(recipes)}")
    return [*(ancestry(recipe.parent, recipes) if recipe.parent else []), recipe]
