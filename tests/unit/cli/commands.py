"""The tree of commands, and a command line that is only understood, not run."""

import shlex
from collections.abc import Iterator
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from appliance.cli.main import app

ROOT: Any = typer.main.get_command(app)


def walk(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group and command with the words that lead to it."""
    yield path, command
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from walk(child, (*path, name))


EVERY: dict[str, Any] = {" ".join(path): command for path, command in walk()}
COMMANDS = {name: one for name, one in EVERY.items() if not isinstance(one, TyperGroup)}
SHOWN = {name: one for name, one in COMMANDS.items() if not one.hidden}


def parse(line: str) -> Any:
    """Understand a command line strictly, as far as its function; returns the last context.

    Raises:
        TyperException: the words are wrong usage.
    """
    _, *words = shlex.split(line)
    name, command, context = "appliance", ROOT, None
    while isinstance(command, TyperGroup):
        context = command.make_context(name, words, parent=context)
        rest = [*context._protected_args, *context.args]
        if not rest:
            return context
        name, command, words = command.resolve_command(context, rest)  # type: ignore[assignment]
    return command.make_context(name, words, parent=context)
