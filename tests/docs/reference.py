"""The pages in `docs/reference/` that are made from the code: which they are, and where they lie."""

from collections.abc import Callable
from pathlib import Path

from tests.docs import activities, commands, routes, settings
from tests.docs.markdown import DOCS

FOLDER = DOCS / "reference"
NOTE = "<!-- Made from the code by `make docs`. Change the code, not this page. -->\n\n"
PAGES: dict[str, Callable[[], str]] = {
    "activities.md": activities.page,
    "commands.md": commands.page,
    "routes.md": routes.page,
    "settings.md": settings.page,
}


def made(name: str) -> str:
    """The page ``name`` as the code has it now."""
    return NOTE + PAGES[name]()


def write() -> list[Path]:
    """Write the pages that differ; returns which did."""
    FOLDER.mkdir(exist_ok=True)
    changed = []
    for name in PAGES:
        file, text = FOLDER / name, made(name)
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            changed.append(file)
    return changed
