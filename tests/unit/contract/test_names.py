"""The trusted base knows no service by its name: what it does for one it does for any that a manifest describes."""

import ast
from pathlib import Path

import pytest

from tests.catalogue import CATALOGUE

APPLIANCE = Path(__file__).parents[3] / "appliance"
MODULES = sorted(APPLIANCE.rglob("*.py"))
NAMES = {manifest.name for manifest in CATALOGUE}
WORDS = {("audit/events/kinds.py", "decision"), ("cli/audit/group.py", "decision")}
"""Where a word of OCSF (``authorizations[].decision``), or of the table that shows it, is spelled like a service."""


def literals(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and text of every string that is not a docstring."""
    described = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, described) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(APPLIANCE)))
def test_no_string_is_the_name_or_a_path_of_a_service(module: Path) -> None:
    found = [
        f"line {line}: {text!r}"
        for line, text in literals(ast.parse(module.read_text()))
        if (text in NAMES and (str(module.relative_to(APPLIANCE)), text) not in WORDS)
        or any(text.startswith(f"/{name}/") for name in NAMES)
    ]
    assert not found, f"{module}: {found}"


def test_the_search_finds_what_it_looks_for() -> None:
    tree = ast.parse('"""labeling"""\nx = "labeling"\n')
    assert literals(tree) == [(2, "labeling")]
