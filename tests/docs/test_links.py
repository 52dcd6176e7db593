"""Every page can be reached from the index, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, REPOSITORY, anchors, links

INDEX = DOCS / "index.md"
PAGES = sorted(
    [*DOCS.rglob("*.md"), *(REPOSITORY / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY"))]
)


def _target(page: Path, link: str) -> tuple[Path, str]:
    path, _, fragment = link.partition("#")
    return ((page.parent / path).resolve() if path else page), fragment


def _local(page: Path) -> list[str]:
    return [link for link in links(page.read_text()) if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _local(page):
        file, fragment = _target(page, link)
        assert file.exists(), f"{page.name}: {link} leads to nothing"
        assert file.is_relative_to(REPOSITORY), f"{page.name}: {link} leaves the repository"
        if fragment and file.suffix == ".md":
            assert fragment in anchors(file.read_text()), f"{page.name}: {link} leads to no heading"
        elif fragment:
            assert re.search(rf"def {fragment}\(", file.read_text()), f"{page.name}: {link} leads to no function"


def test_every_page_is_reached_from_the_index() -> None:
    reached, waiting = set(), [INDEX]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        waiting += [target for link in _local(page) if (target := _target(page, link)[0]).suffix == ".md"]
    assert {str(page.relative_to(REPOSITORY)) for page in set(PAGES) - reached} == set()


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/index.md" in _local(REPOSITORY / "README.md")


def test_every_picture_is_shown_somewhere() -> None:
    shown = {_target(page, link)[0] for page in PAGES for link in _local(page)}
    assert [picture.name for picture in (DOCS / "images").iterdir() if picture not in shown] == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What is enforced where, and what is not", "what-is-enforced-where-and-what-is-not"),
        ("`bundle.*`, `audit.*`", "bundle-audit"),
        ("Can the builder be believed?", "can-the-builder-be-believed"),
        ("1. DISPLAY ONLY [here](a.md)", "1-display-only-here"),
    ],
)
def test_anchors_are_those_of_github(heading: str, anchor: str) -> None:
    assert anchors(f"# {heading}\n## {heading}\n") == {anchor, f"{anchor}-1"}
