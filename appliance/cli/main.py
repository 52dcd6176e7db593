"""The command `appliance`: subcommands, and the one place where a refusal becomes text and an exit code."""

import json
import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import typer
import typer.main
from typer._click.exceptions import NoArgsIsHelpError
from typer.core import TyperGroup
from typer.exceptions import TyperException

from appliance import __version__
from appliance.cli.shared.checks import forbidden
from appliance.cli.shared.commands import HELP, Command, Group, summary
from appliance.cli.shared.groups import GROUPS, TOP
from appliance.cli.shared.options import Json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from typer._click import HelpFormatter

USAGE = 2


class Members(MutableMapping[str, Any]):
    """The commands of `appliance`: a group's module is imported when somebody asks for that group.

    Args:
        commands: those that are here already.
    """

    def __init__(self, commands: MutableMapping[str, Any]) -> None:
        self._loaded = dict(commands)

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded and name in TOP:
            self._loaded[name] = typer.main.get_group(import_module(f"appliance.cli.{name}.group").app)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*TOP, *self._loaded)))

    def __len__(self) -> int:
        return len({*TOP, *self._loaded})

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]


class Root(Group):
    """The group of all groups: its help and its completion import none of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Members(self.commands)

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names of all groups and commands."""
        return list(self.commands)

    def format_commands(self, _ctx: Any, formatter: "HelpFormatter") -> None:
        """The groups and commands, each with one line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._about(name)) for name in self.commands])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The names that begin so, with one line each."""
        from typer._click.shell_completion import CompletionItem

        names = [name for name in self.commands if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self._about(name)) for name in names]
        return found + (super(TyperGroup, self).shell_complete(ctx, incomplete) if incomplete else [])

    def _about(self, name: str) -> str:
        return GROUPS[name] if name in GROUPS else summary(self.commands[name].help or "")


app = typer.Typer(
    name="appliance",
    cls=Root,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP)},
)


@app.callback()
def appliance() -> None:
    """Carry, prove, install and run the MLS appliance on a host without a network.

    Example: appliance host install --help
    """


@app.command(cls=Command)
def version(as_json: Json = False) -> None:
    """Print the version.

    Example: appliance version
    """
    print(json.dumps({"version": __version__}) if as_json else __version__)


def run() -> None:
    """Run the command; exit 0 when done, 1 when refused, 2 on wrong usage, 3 when discs are missing."""
    try:
        sys.exit(app(prog_name="appliance", standalone_mode=False) or 0)
    except ApplianceError as error:
        _refuse(error)
    except TyperException as error:
        _misused(error)
    except typer.Abort:
        print("stopped: nothing more is done", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        _quietly()
    except PermissionError as error:
        _refuse(forbidden(error.filename or "a file of the host"))
    except OSError as error:
        what = f"{error.filename or 'the host'}: {error.strerror or error}"
        _refuse(ApplianceError(what, remedy="see that it is there, writable and on a disk with room"))


def _misused(error: TyperException) -> NoReturn:
    """Say in one line what is wrong with the words, and which help explains them."""
    context = getattr(error, "ctx", None)
    if isinstance(error, NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        sys.exit(USAGE)
    text = error.format_message().replace("Value error, ", "").removeprefix("Invalid value: ")
    text = " ".join(text.split()).removesuffix(".")
    command = context.command_path if context else "appliance"
    if _wants_json():
        print(json.dumps(ApplianceError(text, rule="wrong usage", remedy=f"{command} --help").as_dict()))
    else:
        print(f"wrong usage: {text[:1].lower()}{text[1:]}; see: {command} --help", file=sys.stderr)
    sys.exit(error.exit_code)


def _quietly() -> NoReturn:
    """Whoever read the output has enough of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _wants_json() -> bool:
    words = sys.argv[1:]
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _refuse(error: ApplianceError) -> NoReturn:
    if _wants_json():
        print(json.dumps(error.as_dict()))
    else:
        print(f"refused: {error.message}", file=sys.stderr)
        if error.rule:
            print(f"   rule: {error.rule}", file=sys.stderr)
        if error.remedy:
            print(f" remedy: {error.remedy}", file=sys.stderr)
    sys.exit(error.status)


if __name__ == "__main__":
    run()
