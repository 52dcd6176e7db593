"""A unit test starts no PostgreSQL, browser or model: who changes a function waits for none of them."""

import ast
from pathlib import Path

import pytest

UNIT = Path(__file__).parent
MODULES = sorted(UNIT.rglob("*.py"))
OF_COMPONENTS = ("tests.component", "playwright", "psycopg", "xllamacpp")


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(UNIT)))
def test_a_unit_test_imports_nothing_of_components(file: Path) -> None:
    found = {name for name in imported(file) if name.startswith(OF_COMPONENTS)}
    assert not found, f"{file}: belongs below tests/component"
