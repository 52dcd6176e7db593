"""The worked examples of docs/markings.md are what the command and the library really say."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.marking.group import app
from tests.unit.markings import reference

PAGE = Path(__file__).parents[3] / "docs" / "markings.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = [
    (command, output)
    for block in re.findall(r"```console\n(.*?)```", TEXT, flags=re.DOTALL)
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE)
]


@pytest.mark.parametrize(("command", "output"), EXAMPLES)
def test_the_command_says_what_the_page_says(command: str, output: str) -> None:
    program, group, *arguments = shlex.split(command)
    assert (program, group) == ("appliance", "marking")
    assert CliRunner().invoke(app, arguments).stdout == output


def test_the_page_has_examples_of_every_command() -> None:
    commands = {command.split()[2] for command, _ in EXAMPLES}
    assert commands == {"check", "parse", "dominates", "join", "explain", "rollup", "why"}


def test_the_library_does_what_the_page_says() -> None:
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 10
    assert results.failed == 0


def test_the_page_of_the_library_does_what_it_says_and_its_reference_is_that_of_the_docstrings() -> None:
    results = doctest.testfile(str(reference.PAGE), module_relative=False)
    assert results.attempted > 20
    assert results.failed == 0
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_the_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / target).exists()
