"""Every command explains itself in one style, and its help costs no more than it must."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperArgument, TyperOption
from typer.testing import CliRunner

from appliance.cli.host.group import What
from appliance.cli.main import app
from appliance.cli.shared import inputs, needs
from appliance.cli.shared.commands import parts, summary, word_of
from appliance.cli.shared.groups import GROUPS, TOP
from appliance.host.watching.watch import Watch
from tests.unit.cli.commands import COMMANDS, EVERY, SHOWN, parse

DOCUMENTS = sorted((Path(__file__).parents[3] / "docs").glob("*.md"))
WORDS = re.findall(
    r"\w+",
    "ACTIVITY ANCHOR APPROVAL BUNDLE DATE DAYS DISC ENCLAVE EVIDENCE FILE FOLDER IMAGE LABEL MARKING NAME NUMBER PACK "
    "PROJECT RECORD REQUEST RESULTS RULE SHA256 SIZE STATEMENT SUBJECT TEXT TIME URI",
)
HEAVY = ("rich", "pydantic", "cryptography", "structlog", "jinja2", "yaml", "httpx", "psutil", "tuf", "asyncio")
HEAVY_FOR_GROUPS = tuple(name for name in HEAVY if name != "pydantic")  # typer reads the words of a group with it


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split(), "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_under_a_heading(name: str) -> None:
    example = parts(COMMANDS[name].help)[1]
    assert example.startswith(f"appliance {name}".rstrip())
    output = CliRunner().invoke(app, [*name.split(), "--help"]).output
    shown = output.partition("\nExample:\n")[2]
    assert [line.strip() for line in shown.splitlines()] == [line.strip() for line in example.splitlines()]


@pytest.fixture
def only_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that examples name need not exist."""
    monkeypatch.setattr(
        "appliance.cli.shared.commands.check_all", lambda context: context.meta.pop(inputs.PENDING, None)
    )
    monkeypatch.setattr(needs, "require_root", lambda command: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_understood(only_words: None, name: str) -> None:
    lines = parts(COMMANDS[name].help)[1].replace("\\\n", " ").splitlines()
    assert lines
    for line in lines:
        assert parse(line).command is not None


def test_an_example_of_wrong_words_would_be_found(only_words: None) -> None:
    for line in ("appliance bundle verify", "appliance host fish", "appliance bundle verify b --root-print 1"):
        with pytest.raises(Exception, match=r"(?i)missing|no such"):
            parse(line)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_the_commands_of_the_documents_are_understood(only_words: None, page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in lines:
        if line.startswith("appliance "):
            command = re.split(r" +#| +[|>&] *| *; ", line)[0].replace("<from paper>", "$ROOT")
            assert parse(command).command is not None, line


@pytest.mark.parametrize("name", EVERY)
def test_every_argument_and_option_is_explained_by_one_word_in_capitals(name: str) -> None:
    for parameter in EVERY[name].params:
        assert isinstance(parameter, TyperArgument | TyperOption)
        assert parameter.help, parameter.name
        if isinstance(parameter, TyperArgument) or not parameter.is_flag:
            choices = parameter.type_descriptor.choices
            assert choices or word_of(parameter) in WORDS, f"{parameter.name}: {word_of(parameter)}"


@pytest.mark.parametrize("name", EVERY)
def test_help_is_sentences(name: str) -> None:
    text = summary(EVERY[name].help)
    assert re.match(r"[A-Z]", text), text
    assert text.endswith("."), text
    for parameter in EVERY[name].params:
        if parameter.name not in {"install_completion", "show_completion"}:
            assert re.match(r"[A-Z0-9<]", parameter.help), parameter.help
            assert parameter.help.endswith((".", ".]")), parameter.help


@pytest.mark.parametrize("name", [one for one in SHOWN if one != "monitor run"])
def test_every_command_speaks_json(name: str) -> None:
    """All but the monitor, which runs until it is stopped and writes its log."""
    assert "--json" in [option for parameter in SHOWN[name].params for option in parameter.opts]


def test_there_are_the_commands_that_people_need() -> None:
    assert {"bundle verify", "host install", "audit verify", "marking check"} <= set(COMMANDS)


def test_each_group_is_explained_where_it_is_listed() -> None:
    assert [name for name in EVERY if name in TOP] == list(TOP)
    for name, text in GROUPS.items():
        groups: list[Any] = [one for path, one in EVERY.items() if path.split()[-1:] == [name]]
        assert [summary(one.help or "") for one in groups] == [text]


def imported(*words: str) -> set[str]:
    """The modules that are there when a help has been printed."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    code += "from appliance.cli.main import run; run()"
    answer = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(answer.stderr.split())


def test_the_first_help_imports_no_group_and_nothing_heavy() -> None:
    found = imported("--help")
    assert "typer" in found  # what is looked for would be seen
    assert sorted(found & set(HEAVY)) == []
    assert sorted(found & {f"appliance.cli.{name}.group" for name in TOP}) == []


@pytest.mark.parametrize("group", TOP)
def test_the_help_of_a_group_imports_nothing_heavy(group: str) -> None:
    found = imported(group, "--help")
    assert f"appliance.cli.{group}.group" in found
    assert sorted(found & set(HEAVY_FOR_GROUPS)) == []
    assert sorted(found & {f"appliance.cli.{name}.group" for name in TOP if name != group}) == []


def test_what_is_watched_is_what_can_be_named() -> None:
    assert [one.value for one in What] == [one.value for one in Watch]


def test_what_a_group_shows_is_whole() -> None:
    output = CliRunner().invoke(app, ["audit", "anchor", "--help"]).output
    assert "exit 1 if records were removed or rewritten since" in " ".join(output.split())


def test_typer_is_asked_for_plain_help() -> None:
    assert isinstance(app, typer.Typer)
    assert app.rich_markup_mode is None
