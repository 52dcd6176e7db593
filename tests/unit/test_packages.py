"""A reader finds the right folder for a change: no package is a long flat list."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "appliance" / "ansible_callbacks"  # a folder that Ansible reads files from, not a package
PACKAGES = sorted(
    {file.parent for top in ("appliance", "images", "workbench") for file in (ROOT / top).rglob("*.py")} - {PLUGINS}
)
MOST = 15


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_a_package_has_at_most_fifteen_modules(package: Path) -> None:
    modules = [file.name for file in package.glob("*.py") if file.name != "__init__.py"]
    assert len(modules) <= MOST, f"{package}: sort these into sub-packages: {sorted(modules)}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(ROOT)))
def test_a_package_says_in_its_first_line_what_it_is_for(package: Path) -> None:
    first = (package / "__init__.py").read_text().partition("\n")[0] if (package / "__init__.py").exists() else ""
    assert first.startswith('"""'), f"{package} has no __init__.py that says what it is for"
