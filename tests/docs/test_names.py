"""Files that the pages name exist, and nothing on them is one developer's machine's."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, REPOSITORY, fences, spans

PAGES = sorted([*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")])
TRACKED = ("appliance/", "workbench/", "tests/", "images/", "roles/", "policies/", "docs/", ".ci/")
PATH = re.compile(r"(?<![\w./-])(?:appliance|workbench|tests|images|roles|policies|docs|\.ci)/[\w./*<>-]*")
MACHINE = re.compile(
    r"(?<![\w.])/(?:work|workspace|home/\w+|Users/\w+)/|file:///opt/|\bpypi\.org|\bregistry\.npmjs|artifactory"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_path_into_the_repository_exists(page: Path) -> None:
    for span in spans(page.read_text()):
        for path in PATH.findall(span):
            if "<" not in path and " " not in path:
                found = list(REPOSITORY.glob(path.rstrip("/."))) if "*" in path else [REPOSITORY / path]
                assert any(file.exists() for file in found), f"{page.name}: `{path}` does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_no_line_names_a_developers_machine(page: Path) -> None:
    for number, line in enumerate(page.read_text().splitlines(), 1):
        assert not MACHINE.search(line), f"{page.name}:{number}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_block_says_what_it_is(page: Path) -> None:
    for language, text in fences(page.read_text()):
        assert language, f"{page.name}: the block that begins with {text.splitlines()[0]!r} names no language"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_begins_with_its_one_title(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|<!--.*?-->", "", page.read_text(), flags=re.DOTALL | re.MULTILINE).lstrip()
    assert text.startswith("# "), page.name
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1, f"{page.name} has several titles"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.search(r"^ *OUTPUT\b|\b(TODO|FIXME|XXX|TBD)\b", page.read_text(), re.MULTILINE)
