"""The catalogue of the services of this checkout, and the services that a builder may add."""

from pathlib import Path

from appliance.contract.catalogue import compile_catalogue
from appliance.contract.manifest import Manifest
from appliance.trust import canonical

IMAGES = Path(__file__).parents[1] / "images"
CATALOGUE = compile_catalogue(IMAGES)
ON_DEMAND = {
    file.parents[1].name: Manifest.model_validate(canonical.decode_yaml(file.read_text(), str(file)))
    for file in sorted(IMAGES.glob("*/optional/service.yml"))
}
"""Manifests of services that no bundle holds by default, by name."""
