"""What the pages tell people to type is what the command line understands."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from appliance.cli.main import app
from appliance.errors import ApplianceError
from tests.docs.markdown import DOCS, REPOSITORY, fences, spans

PAGES = sorted([*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")])
SHELL = {"sh", "console", "bash", "shell"}
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
ENDS = {">", ">>", "|", "&&", ";", "||", "&"}


def typed(page: Path) -> list[str]:
    """The commands `appliance ...` in a page's shell blocks, continued lines joined."""
    found = []
    for language, text in fences(page.read_text()):
        if language in SHELL:
            lines = text.replace("\\\n", " ").splitlines()
            found += [line.removeprefix("$ ").strip() for line in lines]
    return [line for line in found if re.match(r"(sudo )?appliance\b", line)]


def words_of(line: str) -> list[str]:
    """The arguments of a command, up to a redirection or the next command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if word in ENDS:
            break
        words.append(word)
    return words[words.index("appliance") + 1 :]


def understand(words: list[str]) -> None:
    """Read a command line as `appliance` would, without doing anything and without looking at files.

    Raises:
        Exception: the usage error of the command line.
    """
    command: Any = typer.main.get_command(app)
    context, rest = None, words
    while True:
        try:
            context = command.make_context(command.name, list(rest), parent=context)
        except (typer.BadParameter, ApplianceError) as error:
            if isinstance(error, ApplianceError) or "does not exist" in str(error):  # the page's files are not here
                _require_options(command, rest)
                return
            raise
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "commands") or not rest:
            return
        _, command, rest = command.resolve_command(context, rest)


def _require_options(command: Any, words: list[str]) -> None:
    """Raise as the command line does where a required option is missing."""
    given = {word.partition("=")[0] for word in words}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.required and not given & set(parameter.opts):
            raise typer.BadParameter(f"Missing option {parameter.opts[0]}")


@pytest.mark.parametrize(
    ("page", "line"),
    [(page, line) for page in PAGES for line in typed(page)],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_a_command_of_a_page_is_understood(page: Path, line: str) -> None:
    try:
        understand(words_of(line))
    except USAGE_ERROR as error:
        pytest.fail(f"{page.relative_to(REPOSITORY)}: {line}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_and_options_in_the_text_exist(page: Path) -> None:
    for span in spans(page.read_text()):
        if re.match(r"appliance [a-z]", span):
            _known(page, span)


def _known(page: Path, span: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(span)[1:]
    while words and hasattr(command, "commands") and not words[0].startswith("-") and words[0] not in {"...", "KIND"}:
        assert words[0] in command.commands, f"{page.name}: `{span}` is no command"
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options | {"--help"}, f"{page.name}: `{span}` has options that do not exist"


@pytest.mark.parametrize(
    ("line", "understood"),
    [
        ("appliance host status", True),
        ("appliance host status > file", True),
        ("appliance host status # says how it is", True),
        ("appliance host stauts", False),
        ("appliance host status --colour", False),
        ("appliance host status file", False),
        ("appliance host watch", False),
        ("appliance host watch clouds", False),
        ("appliance site check site.yml", False),
        ("appliance audit anchor check absent --key absent", True),
        ("appliance audit anchor check absent", False),
    ],
)
def test_a_wrong_command_would_be_found(line: str, understood: bool) -> None:
    if understood:
        understand(words_of(line))
    else:
        with pytest.raises(USAGE_ERROR):
            understand(words_of(line))
