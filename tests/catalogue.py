"""The catalogue of the services of this checkout."""

from pathlib import Path

from appliance.contract.catalogue import compile_catalogue

CATALOGUE = compile_catalogue(Path(__file__).parents[1] / "images")
