"""How an image came to be: SLSA provenance v1 (https://slsa.dev/spec/v1.2/build-provenance), complete in its inputs."""

import hashlib
from typing import Any

from appliance import __version__
from appliance.bundle.build.image import ImageInputs, tree_digest
from appliance.bundle.build.oci import Image

BUILD_TYPE = "urn:mls-appliance:build:image:v1"
"""Debian packages, wheels, npm files and a recipe's folder, made into OCI layers without a network."""


def make_provenance(image: Image, lineage: list[ImageInputs], epoch: int, builder: str) -> dict[str, Any]:
    """The provenance predicate of an image; it names no time of its making, so that equal builds say equal things.

    Args:
        image: what was built.
        lineage: the inputs of its ancestors and of itself, the root first.
        epoch: latest modification time in the image, in seconds.
        builder: URI of the builder.
    """
    dependencies = [
        {"name": artifact.path.name, "uri": artifact.purl, "digest": {"sha256": artifact.sha256}}
        for inputs in lineage
        for artifact in inputs.artifacts()
    ]
    folders = [
        {
            "name": f"images/{inputs.recipe.name}",
            "uri": f"urn:mls-appliance:recipe:{inputs.recipe.name}",
            "digest": {"sha256": _recipe_digest(inputs)},
        }
        for inputs in lineage
    ]
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"image": image.name, "epoch": epoch},
            "resolvedDependencies": [*dependencies, *folders],
        },
        "runDetails": {"builder": {"id": builder, "version": {"mls-appliance": __version__}}},
    }


def _recipe_digest(inputs: ImageInputs) -> str:
    """Digest over the recipe, the files it copies and the code of the image."""
    parts = [inputs.folder / "image.yml", *(inputs.folder / source for source in inputs.recipe.files)]
    if (inputs.folder / "app").exists():
        parts.append(inputs.folder / "app")
    lines = [f"{part.relative_to(inputs.folder)} {tree_digest(part)}\n" for part in parts]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
