"""The reference of the library, from docstrings; ``python -m tests.unit.markings.reference`` writes the page."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).parents[3] / "docs" / "markings-library.md"
MARK = "<!-- From here on the page is made from docstrings: python -m tests.unit.markings.reference -->\n"
MODULES = [
    "reading.parse", "marking", "label", "rollup", "verify", "explain", "clearance", "shown", "errors",
    "formats.authority", "colours", "formats.ism", "formats.ism_xml", "formats.stanag4774", "formats.stanag_xml",
    "formats.nitf", "formats.conventions", "formats.scan", "documents", "vocabulary",
]  # fmt: skip
ABOVE = {
    "vocabulary": {"default", "home", "load"},
    "documents": {"paragraphs_of", "Content", "Paragraph", "DocumentError"},
}
"""Of these modules only the names that users need."""


def reference() -> str:
    """The reference as Markdown."""
    return "\n".join(_module(importlib.import_module(f"appliance.markings.{name}")) for name in MODULES)


def page() -> str:
    """The page as it should be: what people wrote, then the reference."""
    return PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "\n" + reference()


def _module(module: ModuleType) -> str:
    short = module.__name__.removeprefix("appliance.markings.")
    wanted = ABOVE.get(short)
    entries = [f"### `{module.__name__}`\n", f"{inspect.getdoc(module)}\n"]
    for name, value in vars(module).items():
        own = getattr(value, "__module__", "").startswith(module.__name__) and not name.startswith("_")
        if own and (name in wanted if wanted else True) and (inspect.isfunction(value) or inspect.isclass(value)):
            entries.append(_entry(name, value))
    return "\n".join(entries)


def _entry(name: str, value: object) -> str:
    lines = [f"#### `{name}{_signature(value)}`\n", f"```text\n{inspect.getdoc(value)}\n```\n"]
    if inspect.isclass(value):
        for member, found in vars(value).items():
            if not member.startswith("_") and (isinstance(found, property) or inspect.isfunction(found)):
                text = (inspect.getdoc(found) or "").partition("\n")[0]
                kind = "" if isinstance(found, property) else _signature(found)
                lines.append(f"- `.{member}{kind}`: {text}")
        lines.append("")
    return "\n".join(lines)


def _signature(value: object) -> str:
    try:
        text = str(inspect.signature(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    return re.sub(r"appliance\.markings\.\w+\.|pathlib\.|collections\.abc\.|typing\.|<[^>]*>", "", text).replace(
        "'", ""
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
