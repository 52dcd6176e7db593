"""The page of all commands, from the command line itself."""

import inspect
import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer

from appliance.cli import main
from tests.docs.markdown import anchor, code, prose, table

HEAD = """# Commands

Every command of `appliance`, with its arguments, options and examples. `--help` after a command shows the same text.
Commands that only the appliance itself calls are not listed.

All commands end with one of these exit statuses. With `--json`, a refusal is JSON too.

"""
_EXAMPLE = re.compile(r"^Examples?:\s*", re.MULTILINE)
_KINDS: dict[Any, str] = {Path: "PATH", str: "TEXT", int: "INTEGER", float: "NUMBER", datetime: "DATE"}


def page() -> str:
    """The page."""
    groups = list(_groups())
    contents = [f"- [{path}](#{anchor(path)}): {_title(command)}" for path, command, _ in groups]
    sections = [_group(path, command, members) for path, command, members in groups]
    return HEAD + _statuses() + "\n\n" + "\n".join(contents) + "\n\n" + "\n\n".join(sections) + "\n"


def _statuses() -> str:
    """The statuses as the docstring of the program's entry has them: "exit 0 when done, 1 when refused, ..."."""
    text = inspect.getdoc(main.run) or ""
    return table(["status", "when"], re.findall(r"\b(\d+) ((?:when|on) [^,.]+)", text))


def leaves() -> Iterator[tuple[str, Any]]:
    """Each command that can be typed, with its whole name."""
    for path, command, members in _groups():
        if not members or getattr(command, "invoke_without_command", False):
            yield path, command
        yield from members


def _groups() -> Iterator[tuple[str, Any, list[tuple[str, Any]]]]:
    """Groups of commands, those inside others too, with the commands that they hold directly."""
    program = typer.main.get_command(main.app)
    yield from _below("appliance", program)


def _below(path: str, group: Any) -> Iterator[tuple[str, Any, list[tuple[str, Any]]]]:
    shown = [(f"{path} {name}", command) for name, command in group.commands.items() if not command.hidden]
    yield path, group, [(name, command) for name, command in shown if not hasattr(command, "commands")]
    for name, command in shown:
        if hasattr(command, "commands"):
            yield from _below(name, command)


def _title(command: Any) -> str:
    return prose(" ".join((command.help or "").strip().partition("\n\n")[0].split()))


def _group(path: str, command: Any, members: list[tuple[str, Any]]) -> str:
    lines = [f"## {path}", _title(command)]
    if getattr(command, "invoke_without_command", False):
        lines = [f"## {path}", *_body(path, command)]
    return "\n\n".join([*lines, *("\n\n".join([f"### {name}", *_body(name, member)]) for name, member in members)])


def _body(path: str, command: Any) -> list[str]:
    """Usage, text, arguments, options and examples of one command."""
    parameters = [one for one in command.params if not getattr(one, "hidden", False)]
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    options = [one for one in parameters if one.param_type_name == "option"]
    text, examples = _split(f"{command.help or ''}\n\n{command.epilog or ''}")
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *map(_placeholder, arguments)])
    parts = [f"```text\n{usage}\n```", prose(text)]
    if arguments:
        parts.append(table(["argument", "meaning"], ((code(_metavar(one)), _meaning(one)) for one in arguments)))
    if options:
        parts.append(table(["option", "meaning"], ((_option(one), _meaning(one)) for one in options)))
    if examples:
        parts.append(f"```sh\n{examples}\n```")
    return parts


def _split(text: str) -> tuple[str, str]:
    """The text of a help without its examples, and these, one a line."""
    kept, examples = [], []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text.replace("\b\n", "").replace("\f", "\n\n"))):
        begin = _EXAMPLE.search(paragraph)
        if begin:
            kept.append(paragraph[: begin.start()])
            examples.append(_typed(paragraph[begin.end() :]))
        elif re.match(r"\s*appliance ", paragraph):
            examples.append(_typed(paragraph))
        else:
            kept.append(paragraph)
    return "\n\n".join(part.strip() for part in kept if part.strip()), "\n".join(examples)


def _typed(text: str) -> str:
    """Lines to type, each at the margin; what continues a line stands further in."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        lines.append(("    " if lines and lines[-1].endswith("\\") else "") + line.strip())
    return "\n".join(lines)


def _placeholder(argument: Any) -> str:
    name = _metavar(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option(option: Any) -> str:
    names = " / ".join([*option.opts, *option.secondary_opts])
    return code(names if option.is_flag else f"{names} {option.metavar or _kind(option)}")


def _annotation(parameter: Any) -> Any:
    """The type of one value of a parameter."""
    annotation = parameter.type_descriptor.annotation
    inner = [one for one in get_args(annotation) if one is not type(None)]
    return inner[0] if inner else annotation


def _kind(parameter: Any) -> str:
    annotation = _annotation(parameter)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(one.value) for one in annotation)
    return _KINDS.get(annotation, "VALUE")


def _meaning(parameter: Any) -> str:
    """The help of a parameter with its choices, default, environment variable, and whether it is required."""
    notes = []
    annotation = _annotation(parameter)
    if parameter.param_type_name == "argument" and isinstance(annotation, type) and issubclass(annotation, Enum):
        notes.append("one of " + ", ".join(code(str(one.value)) for one in annotation))
    if parameter.param_type_name == "option" and parameter.required:
        notes.append("required")
    if getattr(parameter, "multiple", False) or str(parameter.type_descriptor.annotation).startswith("list"):
        notes.append("can be repeated")
    default = parameter.default
    if default not in (None, (), [], "", False) and not callable(default):
        values = default if isinstance(default, (list, tuple)) else [default]
        notes.append("default " + ", ".join(code(str(one.value if isinstance(one, Enum) else one)) for one in values))
    if parameter.envvar:
        notes.append(f"or {code(str(parameter.envvar))}")
    return " ".join([parameter.help or "", f"({'; '.join(notes)})" if notes else ""]).strip()
