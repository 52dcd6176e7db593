"""Names that a shell completes: what the installed site knows, read as quickly as can be and proven by nobody.

A completion is a convenience. What cannot be read gives no names and no error, and the command that the words become
proves everything again.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

import typer

CERTIFICATE = ".certificate.dsse.json"
HOST = Path("/var/lib/appliance")
TAIL = 1 << 20
"""Bytes at the end of the log in which projects are looked for: a shell waits for the answer."""

_PROJECT = re.compile(rb'"project":"([A-Za-z0-9-]{1,64})"')


def enclaves(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the site's enclaves."""
    return _beginning(incomplete, _names(_root(ctx) / "current/site/site.dsse.json", "enclaves"))


def subjects(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the registered subjects."""
    return _beginning(incomplete, _names(_root(ctx) / "registries/current/subjects.dsse.json", "subjects"))


def certificates(ctx: typer.Context, incomplete: str) -> list[str]:
    """Certificates of models: those at hand whose name begins so, and those beside the models of the enclaves."""
    try:
        here = [str(file) for file in Path().glob(f"*{CERTIFICATE}")]
        there = [str(file) for file in (_root(ctx) / "enclaves").glob(f"*/models/*{CERTIFICATE}")]
    except OSError:
        return []
    return _beginning(incomplete, [*here, *there])


def projects(ctx: typer.Context, incomplete: str) -> list[str]:
    """Identifiers of the labeling projects that the end of the audit log names."""
    try:
        last = max((_root(ctx) / "log" / "bodies").iterdir())
        with last.open("rb") as file:
            file.seek(max(0, last.stat().st_size - TAIL))
            found = _PROJECT.findall(file.read())
    except (OSError, ValueError):
        return []
    return _beginning(incomplete, [name.decode() for name in found])


def _root(ctx: typer.Context) -> Path:
    """The site that the words so far name."""
    return Path(ctx.params.get("root") or HOST)


def _names(statement: Path, key: str) -> list[str]:
    """The names in a signed statement, whose signatures are not verified."""
    try:
        content: Any = json.loads(base64.b64decode(json.loads(statement.read_bytes())["payload"]))
        return [str(one["name"]) for one in content[key]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _beginning(incomplete: str, names: list[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})
