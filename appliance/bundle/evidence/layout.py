"""Check the OCI layout that a bundle carries: every blob that is referenced is there, and nothing else is.

The documents of the layout are read strictly, because podman reads them generously: it takes ``"Layers"`` for
``"layers"`` and the last of two, goes by media types that it finds, and lets a configuration bring health commands and
volumes. So each has its canonical bytes, the keys that the builder writes and no other, exact media types, and one
platform.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical
from appliance.trust.files import read_limited
from appliance.trust.repository.metadata import Target

FOLDER = "images"
NAME_ANNOTATION = "org.opencontainers.image.ref.name"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
ARCHITECTURE, SYSTEM = "amd64", "linux"
VERSION = b'{"imageLayoutVersion":"1.0.0"}'
MAXIMUM_JSON = 4 << 20
Locate = Callable[[str], Path]
Model = TypeVar("Model", bound=BaseModel)
RULE = "OCI image specification 1.1, image layout; canonical bytes, exact media types, known keys, one platform"
REMEDY = "build the bundle again with appliance bundle build"

_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Size = Annotated[int, Field(ge=0, lt=1 << 40)]
_Annotation = Annotated[str, Field(max_length=1000)]


class LayoutError(ApplianceError):
    """An OCI layout whose parts don't belong together."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Descriptor(_Document):
    """An OCI content descriptor without anything optional."""

    media_type: str = Field(alias="mediaType")
    digest: _Digest
    size: _Size

    @property
    def path(self) -> str:
        """Path of the blob below the targets folder."""
        return f"{FOLDER}/blobs/sha256/{self.digest.removeprefix('sha256:')}"


class _Name(_Document):
    name: str = Field(alias=NAME_ANNOTATION, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=64)


class _Entry(Descriptor):
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = Field(alias="mediaType")
    annotations: _Name


class _ConfigDescriptor(Descriptor):
    media_type: Literal["application/vnd.oci.image.config.v1+json"] = Field(alias="mediaType")


class _LayerDescriptor(Descriptor):
    media_type: Literal["application/vnd.oci.image.layer.v1.tar+zstd"] = Field(alias="mediaType")


class _Index(_Document):
    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: Literal["application/vnd.oci.image.index.v1+json"] = Field(alias="mediaType")
    manifests: list[_Entry]


class _Manifest(_Document):
    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = Field(alias="mediaType")
    config: _ConfigDescriptor
    layers: Annotated[list[_LayerDescriptor], Field(min_length=1, max_length=127)]
    annotations: dict[str, _Annotation]


class _Execution(_Document):
    environment: list[str] = Field(alias="Env")
    labels: dict[str, _Annotation] = Field(alias="Labels")
    stop_signal: str = Field(alias="StopSignal", pattern="^SIG[A-Z0-9]+$")
    folder: str = Field(alias="WorkingDir")
    entrypoint: list[str] = Field(alias="Entrypoint", default=[])
    user: str = Field(alias="User", default="", pattern="^([0-9]+:[0-9]+)?$")


class _Layers(_Document):
    type: Literal["layers"]
    digests: list[_Digest] = Field(alias="diff_ids")


class _Step(_Document):
    created: str
    created_by: str


class _Config(_Document):
    architecture: Literal["amd64"]
    system: Literal["linux"] = Field(alias="os")
    created: str
    config: _Execution
    rootfs: _Layers
    history: list[_Step]


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
    if _bytes(locate, f"{FOLDER}/oci-layout", mine) != VERSION:
        raise LayoutError(f"targets/{FOLDER}/oci-layout: not version 1.0.0 of the layout", rule=RULE, remedy=REMEDY)
    images: dict[str, Image] = {}
    referenced = {f"{FOLDER}/oci-layout", f"{FOLDER}/index.json"}
    for entry in _read(_Index, locate, f"{FOLDER}/index.json", mine).manifests:
        name = entry.annotations.name
        if name in images:
            raise LayoutError(f"targets/{FOLDER}/index.json: {entry.digest} has no name of its own", rule=RULE)
        _expect(entry, mine, f"{FOLDER}/index.json")
        manifest = _read(_Manifest, locate, entry.path, mine)
        parts: list[Descriptor] = [manifest.config, *manifest.layers]
        for part in parts:
            _expect(part, mine, f"image {name}")
        config = _read(_Config, locate, manifest.config.path, mine)
        if len(config.rootfs.digests) != len(manifest.layers):
            raise LayoutError(f"targets/{manifest.config.path}: not of as many layers as image {name}", rule=RULE)
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


def _bytes(locate: Locate, path: str, targets: dict[str, Target]) -> bytes:
    if path not in targets:
        raise LayoutError(f"targets/{path}: missing", rule=RULE)
    return read_limited(locate(path), MAXIMUM_JSON, f"targets/{path}")


def _read(model: type[Model], locate: Locate, path: str, targets: dict[str, Target]) -> Model:
    return document(model, _bytes(locate, path, targets), f"targets/{path}")


def document(model: type[Model], data: bytes, name: str) -> Model:
    """One document of a layout, with nothing in it that two readers could understand differently.

    Raises:
        LayoutError: it is not canonical JSON, or has other keys or values than the builder writes.
    """
    try:
        return model.model_validate(canonical.decode_canonical(data, name))
    except ValidationError as error:
        raise LayoutError(f"{name}: {first_finding(error)}", rule=RULE, remedy=REMEDY) from error
    except canonical.CanonicalError as error:
        raise LayoutError(str(error), rule=RULE, remedy=REMEDY) from error


DOCUMENTS: dict[str, type[BaseModel]] = {"index": _Index, "manifest": _Manifest, "configuration": _Config}
"""The documents of a layout, by what they are."""
