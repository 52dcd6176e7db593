"""An image has what its service imports, and no more: the project's modules and the packages that are locked for it."""

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from appliance.bundle.build.modules import HOST_ONLY, OwnCode, imported_code
from appliance.bundle.build.wheel import PROJECTS, build_wheel
from appliance.bundle.inputs.collect import Artifact, read_requirements
from appliance.bundle.inputs.recipe import ancestry, load_recipes
from tests.unit.service.support import make_paths, settings_for

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "images"
SERVICES = sorted(file.parent.name for file in IMAGES.glob("*/service.yml"))
EPOCH = 1_700_000_000
OF_THE_CHECKOUT = {"appliance", "workbench"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Artifact]:
    return [build_wheel(project, ROOT, tmp_path_factory.mktemp("wheels"), EPOCH) for project in PROJECTS]


def lacking(service: str) -> list[str]:
    """The top-level modules that are installed here, and of which no image of the service's lineage has the package."""
    recipes = [recipe for recipe in ancestry(service, load_recipes(IMAGES)) if recipe.wheels]
    locks = [IMAGES / recipe.name / str(recipe.wheels) for recipe in recipes]
    carried = {plain(requirement.name) for lock in locks for requirement in read_requirements(lock)}
    installed = packages_distributions().items()
    return sorted(
        name for name, packages in installed if carried.isdisjoint(map(plain, packages)) and name not in OF_THE_CHECKOUT
    )


def plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def unpack(own: OwnCode, folder: Path) -> None:
    for name, content in own.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_made_of_what_its_image_has(service: str, wheels: list[Artifact], tmp_path: Path) -> None:
    app = IMAGES / service / "app"
    own = imported_code(app, wheels)
    assert {name.split("/")[1] for name in own.files if name.startswith("appliance/")}.isdisjoint(HOST_ONLY)
    assert own.files.keys() >= {
        "appliance/markings/vocabulary/vocabulary.toml",
        "appliance/service/database/migrations/0001_context.sql",
        "appliance/service/web/templates/base.html",
    }
    unpack(own, tmp_path)
    (tmp_path / "app").symlink_to(app)
    (tmp_path / "places").mkdir()
    paths = make_paths(tmp_path / "places")
    paths.settings.write_text(settings_for(service).model_dump_json())
    files = sorted(file.relative_to(app).with_suffix("") for file in app.rglob("*.py"))
    names = [".".join(("app", *file.parts)).removesuffix(".__init__") for file in files]
    absent = lacking(service)
    assert {"pytest", "typer", "tuf"} <= set(absent)
    # The checkout is taken off the path: only what the image has can be found.
    code = f"""
import importlib, os, sys
sys.path[:] = [{str(tmp_path)!r}, *(path for path in sys.path if not os.path.exists(path + "/appliance/cli"))]
for name in {absent!r}: sys.modules[name] = None
for name in {names!r}: importlib.import_module(name)
assert sys.modules["appliance"].__file__.startswith({str(tmp_path)!r})
assert sys.modules["app.main"].service().routes
"""
    places = {"APPLIANCE_SERVICE_FILE": paths.settings, "APPLIANCE_SECRETS": paths.secrets}
    command = [sys.executable, "-P", "-c", code]
    environment = os.environ | {name: str(place) for name, place in places.items()}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
