"""Check the OCI layout that a bundle carries: every blob that is referenced is there, and nothing else is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.trust.files import read_limited
from appliance.trust.repository.metadata import Target

FOLDER = "images"
NAME_ANNOTATION = "org.opencontainers.image.ref.name"
MAXIMUM_JSON = 4 << 20
Locate = Callable[[str], Path]
Model = TypeVar("Model", bound=BaseModel)
RULE = "OCI image specification 1.1, image layout"


class LayoutError(ApplianceError):
    """An OCI layout whose parts don't belong together."""


class Descriptor(BaseModel):
    """An OCI content descriptor; only what names the content is read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    media_type: str = Field(alias="mediaType")
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    annotations: dict[str, str] = {}

    @property
    def path(self) -> str:
        """Path of the blob below the targets folder."""
        return f"{FOLDER}/blobs/sha256/{self.digest.removeprefix('sha256:')}"


class _Index(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: Annotated[int, Field(alias="schemaVersion", ge=2, le=2)]
    manifests: list[Descriptor]


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: Annotated[int, Field(alias="schemaVersion", ge=2, le=2)]
    config: Descriptor
    layers: list[Descriptor]


class Image(BaseModel):
    """An image of the layout.

    Attributes:
        name: its reference name.
        digest: SHA-256 of its manifest, hexadecimal.
        config: SHA-256 of its configuration, which container engines call the image id.
        size: bytes of its layers, configuration and manifest.
        layers: SHA-256 of each layer.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    config: str
    size: int
    layers: tuple[str, ...]


def read_layout(locate: Locate, targets: dict[str, Target]) -> dict[str, Image]:
    """The images of the layout in ``images/``, by name. Only call it when every target's digest is proven.

    Args:
        locate: gives the file of a target's path.
        targets: what the signed metadata lists.

    Raises:
        LayoutError: a blob that is missing, not the one referenced, or referenced by nothing; a name used twice.
    """
    mine = {path: target for path, target in targets.items() if path.startswith(f"{FOLDER}/")}
    if not mine:
        return {}
    if _json(locate, f"{FOLDER}/oci-layout", mine) != {"imageLayoutVersion": "1.0.0"}:
        raise LayoutError(f"targets/{FOLDER}/oci-layout: not version 1.0.0 of the layout", rule=RULE)
    images: dict[str, Image] = {}
    referenced = {f"{FOLDER}/oci-layout", f"{FOLDER}/index.json"}
    for entry in _read(_Index, locate, f"{FOLDER}/index.json", mine).manifests:
        name = entry.annotations.get(NAME_ANNOTATION, "")
        if not name or name in images:
            raise LayoutError(f"targets/{FOLDER}/index.json: {entry.digest} has no name of its own", rule=RULE)
        _expect(entry, mine, f"{FOLDER}/index.json")
        manifest = _read(_Manifest, locate, entry.path, mine)
        parts = [manifest.config, *manifest.layers]
        for part in parts:
            _expect(part, mine, f"image {name}")
        referenced |= {entry.path, *(part.path for part in parts)}
        images[name] = Image(
            name=name,
            digest=entry.digest.removeprefix("sha256:"),
            config=manifest.config.digest.removeprefix("sha256:"),
            size=entry.size + sum(part.size for part in parts),
            layers=tuple(layer.digest.removeprefix("sha256:") for layer in manifest.layers),
        )
    for path in sorted(set(mine) - referenced):
        raise LayoutError(f"targets/{path}: no image uses it", rule="the layout carries what its images need")
    return images


def _expect(descriptor: Descriptor, targets: dict[str, Target], where: str) -> None:
    target = targets.get(descriptor.path)
    if target is None:
        raise LayoutError(f"targets/{descriptor.path}: {where} needs it, and it is not in the bundle", rule=RULE)
    if (target.sha256, target.length) != (descriptor.digest.removeprefix("sha256:"), descriptor.size):
        raise LayoutError(f"targets/{descriptor.path}: not the blob that {where} names", rule=RULE)


def _json(locate: Locate, path: str, targets: dict[str, Target]) -> Any:
    if path not in targets:
        raise LayoutError(f"targets/{path}: missing", rule=RULE)
    try:
        return json.loads(read_limited(locate(path), MAXIMUM_JSON, f"targets/{path}"))
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"targets/{path}: not JSON: {error}", rule=RULE) from error


def _read(model: type[Model], locate: Locate, path: str, targets: dict[str, Target]) -> Model:
    try:
        return model.model_validate(_json(locate, path, targets))
    except ValidationError as error:
        raise LayoutError(f"targets/{path}: {first_finding(error)}", rule=RULE) from error
