"""Describe images and lay them out: OCI image specification 1.1, one layout folder with raw blobs that images share."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance import __version__
from appliance.bundle.build.cache import CachedLayer
from appliance.bundle.evidence.layout import ARCHITECTURE, CONFIG, INDEX, LAYER, MANIFEST, SYSTEM, VERSION
from appliance.bundle.inputs.recipe import Recipe
from appliance.trust import canonical

CLASSIFICATION = "appliance.classification"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Blob:
    """A small blob held in memory."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def descriptor(self) -> dict[str, object]:
        """Its OCI content descriptor."""
        return {"mediaType": self.media_type, "digest": f"sha256:{self.digest}", "size": len(self.content)}


@dataclass(frozen=True)
class Image:
    """A described image; ``layers`` from the bottom."""

    name: str
    manifest: Blob
    config: Blob
    layers: list[CachedLayer]

    def files(self) -> dict[str, Path | bytes]:
        """Its blobs by their digest: a path to copy or bytes to write."""
        small = {blob.digest: blob.content for blob in (self.manifest, self.config)}
        return small | {layer.layer.digest: layer.blob for layer in self.layers}


def describe(lineage: list[Recipe], layers: list[CachedLayer], epoch: int, marking: str) -> Image:
    """Make the configuration and manifest of an image.

    Args:
        lineage: the recipes from the root to the image itself; environments are merged in this order.
        layers: all layers, the lowest first.
        epoch: the image's time of creation, in seconds.
        marking: classification of the image.
    """
    recipe = lineage[-1]
    environment = {"PATH": _PATH}
    for ancestor in lineage:
        environment |= ancestor.environment
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.title": recipe.name,
        "org.opencontainers.image.description": recipe.description,
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.created": created,
        CLASSIFICATION: marking,
    }
    config = {
        "architecture": ARCHITECTURE,
        "os": SYSTEM,
        "created": created,
        "config": {
            "Env": [f"{key}={value}" for key, value in sorted(environment.items())],
            "Labels": labels,
            "StopSignal": recipe.stop_signal,
            "WorkingDir": "/",
            **({"Entrypoint": recipe.entrypoint} if recipe.entrypoint else {}),
            **({"User": f"{recipe.user.uid}:{recipe.user.uid}"} if recipe.user else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.layer.diff_id}" for layer in layers]},
        "history": [{"created": created, "created_by": "appliance bundle build"} for _ in layers],
    }
    config_blob = Blob(CONFIG, _json(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_blob.descriptor(),
        "layers": [
            {"mediaType": LAYER, "digest": f"sha256:{layer.layer.digest}", "size": layer.layer.size} for layer in layers
        ],
        "annotations": labels,
    }
    return Image(recipe.name, Blob(MANIFEST, _json(manifest)), config_blob, layers)


def layout_files(images: Iterable[Image]) -> dict[str, Path | bytes]:
    """Everything of an OCI layout: path below the layout's folder -> bytes, or the file to copy."""
    files: dict[str, Path | bytes] = {"oci-layout": VERSION}
    entries = []
    for image in sorted(images, key=lambda image: image.name):
        reference = {"annotations": {"org.opencontainers.image.ref.name": image.name}}
        entries.append(image.manifest.descriptor() | reference)
        files |= {f"blobs/sha256/{digest}": content for digest, content in image.files().items()}
    files["index.json"] = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return files


def _json(value: object) -> bytes:
    return canonical.encode(value)
