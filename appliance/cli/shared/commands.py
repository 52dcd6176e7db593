"""The classes of all groups and commands: what their help looks like, and what is settled before one runs."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from appliance.cli.shared import needs
from appliance.cli.shared.groups import GROUPS
from appliance.cli.shared.inputs import check_all

if TYPE_CHECKING:
    from typer._click import HelpFormatter

HELP = ("--help", "-h")
EXAMPLE = "Example:"


class Command(TyperCommand):
    """A command that shows its example under a heading, and runs only where its needs are met."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Refuse at once what only root can do; the help is for everybody."""
        wants_help = any(word in HELP for word in args)
        if parent is not None and not parent.resilient_parsing and not wants_help and "resilient_parsing" not in extra:
            needs.require_root(path_of(parent, info_name))
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand the words, then look at what they name."""
        rest = super().parse_args(ctx, args)
        check_all(ctx)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command, in the site's own network where it looks at that or changes it."""
        needs.enter_network(path_of(ctx), ctx.params)
        return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name."""
        return [*(["[OPTIONS]"] if _options(self, ctx) else []), *(_usage(one) for one in _arguments(self, ctx))]

    def format_help(self, ctx: Any, formatter: "HelpFormatter") -> None:
        """Usage, text, arguments and options, and the example as it is typed."""
        _write_beginning(self, ctx, formatter)
        _write_example(self, formatter)


class Group(TyperGroup):
    """A group of commands whose help is as the commands' own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Understand the words of the group itself, then look at what they name."""
        rest = super().parse_args(ctx, args)
        check_all(ctx)
        return rest

    def format_commands(self, ctx: Any, formatter: "HelpFormatter") -> None:
        """The commands, each with the first paragraph of its help."""
        shown = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        rows = [(name, summary(one.help or "")) for name, one in shown if not one.hidden]
        _section(formatter, "Commands", rows)

    def format_help(self, ctx: Any, formatter: "HelpFormatter") -> None:
        """Usage, text, options and commands, and the example as it is typed."""
        _write_beginning(self, ctx, formatter)
        self.format_commands(ctx, formatter)
        _write_example(self, formatter)


class Commands(typer.Typer):
    """A group as its module declares it.

    Args:
        name: of the group, which :data:`appliance.cli.shared.groups.GROUPS` explains.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        standard: dict[str, Any] = {"help": GROUPS[name], "no_args_is_help": True, "cls": Group}
        super().__init__(name=name, rich_markup_mode=None, pretty_exceptions_enable=False, **standard | settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Declare a command; its name is the function's where none is given."""
        return super().command(name, **{"cls": Command} | settings)


def path_of(context: Any, last: str | None = None) -> str:
    """The words of a command without the program's own name, for example ``host install``."""
    words = [last] if last else []
    while context.parent is not None:
        words.insert(0, context.info_name)
        context = context.parent
    return " ".join(words)


def parts(text: str) -> tuple[str, str]:
    """The text of a command, and its example as it is typed."""
    head, _, example = inspect.cleandoc(text).partition(f"\n{EXAMPLE}")
    return head.strip(), inspect.cleandoc(example)


def summary(text: str) -> str:
    """The first paragraph of a command's help, in one line."""
    return " ".join(parts(text)[0].partition("\n\n")[0].split())


def _arguments(command: Any, ctx: Any) -> Iterator[TyperArgument]:
    return (one for one in command.get_params(ctx) if isinstance(one, TyperArgument) and not one.hidden)


def _options(command: Any, ctx: Any) -> list[TyperOption]:
    return [one for one in command.get_params(ctx) if isinstance(one, TyperOption) and not one.hidden]


def _usage(argument: TyperArgument) -> str:
    name = word_of(argument) + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def word_of(parameter: TyperArgument | TyperOption) -> str:
    """The word in capitals that stands for a parameter's value, or its choices."""
    choices = parameter.type_descriptor.choices
    if choices:
        return "|".join(str(getattr(choice, "value", choice)) for choice in choices)
    return parameter.metavar or (parameter.name or "").upper()


def _write_example(command: Any, formatter: "HelpFormatter") -> None:
    _, example = parts(command.help or "")
    if example:
        with formatter.section(EXAMPLE.rstrip(":")):
            for line in example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _write_beginning(command: Any, ctx: Any, formatter: "HelpFormatter") -> None:
    command.format_usage(ctx, formatter)
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(parts(command.help or "")[0])
    rows = [(word_of(one) + ("..." if one.nargs != 1 else ""), _told(one, ctx)) for one in _arguments(command, ctx)]
    _section(formatter, "Arguments", rows)
    rows = []
    for option in _options(command, ctx):
        names = ", ".join(sorted(option.opts, key=len)) + "".join(f" / {name}" for name in option.secondary_opts)
        rows.append((names if option.is_flag else f"{names} {word_of(option)}", _told(option, ctx)))
    _section(formatter, "Options", rows)


def _told(parameter: TyperArgument | TyperOption, ctx: Any) -> str:
    record = parameter.get_help_record(ctx)
    return record[1] if record else ""


def _section(formatter: "HelpFormatter", title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
