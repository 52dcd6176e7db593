"""A service's image has what is locked for it and no more: what its code imports is there."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

IMAGES = Path(__file__).parents[3] / "images"
SERVICES = sorted(file.parent.name for file in IMAGES.glob("*/service.yml"))
OTHERS = {"rfc8785", "tuf", "securesystemslib", "typer", "rich", "psutil", "packageurl", "magika", "yaml"}
"""What the appliance's own wheel imports somewhere, and only some images have."""


def carried(service: str) -> set[str]:
    """The names of the packages that are locked for an image or for the one that it is made from."""
    found: set[str] = set()
    name: str | None = service
    while name:
        recipe = yaml.safe_load((IMAGES / name / "image.yml").read_text())
        locks = [*(IMAGES / name).glob("requirements*.lock"), *(IMAGES / name).glob("requirements*.in")]
        lines = [line.split("==")[0].split("[")[0].strip() for lock in locks for line in lock.read_text().splitlines()]
        found |= {line.lower().replace("-", "_") for line in lines if line and not line.startswith(("#", "--", " "))}
        name = recipe.get("parent")
    return found | ({"yaml"} if "pyyaml" in found else set())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_nothing_that_its_image_lacks(service: str) -> None:
    lacking = sorted(OTHERS - carried(service))
    code = f"import sys\nfor name in {lacking!r}: sys.modules[name] = None\nimport images.{service}.app.main\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{service} without {lacking}: {done.stderr[-600:]}"
