"""Decision records follow their template, the sysadmin's pages their index, and the code names pages that exist."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, REPOSITORY, fences, links, unfenced

RECORDS = sorted((DOCS / "adr").glob("[0-9]*.md"))
TASKS = sorted(set((DOCS / "sysadmin").glob("*.md")) - {DOCS / "sysadmin" / "index.md"})
PARTS = ["Context", "Decision", "Measured", "Consequences"]
STATUS = re.compile(r"- Status: (proposed|accepted|replaced by \[\d+\]\([^)]+\))\n- Date: \d{4}-\d\d-\d\d\n")
NAMING = [
    file
    for pattern in ("appliance/**/*.py", "images/**/*.py", "policies/**/*.*", "roles/**/*.yml", "Vagrantfile", "*.yml")
    for file in sorted(REPOSITORY.glob(pattern))
    if file.is_file() and "docs/" in file.read_text()
]


def headings(page: str) -> list[str]:
    """The second-level headings of a page."""
    return re.findall(r"^## (.+)$", unfenced(page), re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_record_follows_the_template(record: Path) -> None:
    page = record.read_text()
    assert page.startswith(f"# {int(record.name[:4])}. "), "the title begins with the number of the file"
    assert STATUS.search(page)
    assert headings(page) == PARTS


def test_the_template_is_what_the_records_follow() -> None:
    assert headings((DOCS / "adr" / "template.md").read_text()) == PARTS


def test_the_index_of_records_lists_each_once_and_in_order() -> None:
    listed = [link for link in links((DOCS / "adr" / "index.md").read_text()) if link[0].isdigit()]
    assert listed == [record.name for record in RECORDS]


@pytest.mark.parametrize("page", TASKS, ids=lambda page: page.stem)
def test_a_task_has_numbered_steps_with_commands(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"^1\. \S", text, re.MULTILINE)
    assert any(language in {"sh", "console"} for language, _ in fences(text))


@pytest.mark.parametrize("file", NAMING, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_page_that_the_code_names_exists_with_its_section(file: Path) -> None:
    for path, section in re.findall(r"\b(docs/[\w/-]+\.md)(?:, ([A-Z][^\"();,*\n]*[^\"();,*\s.]))?", file.read_text()):
        assert (REPOSITORY / path).is_file(), f"{path} does not exist"
        known = {heading.lower() for heading in re.findall(r"^#+ (.+)$", (REPOSITORY / path).read_text(), re.MULTILINE)}
        assert not section or section.lower() in known, f"{path} has no section {section!r}"


def test_the_glossary_is_in_order_and_each_word_stands_once() -> None:
    sections = re.split(r"^## ", (DOCS / "glossary.md").read_text(), flags=re.MULTILINE)[1:]
    words = [re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[1:] for section in sections]
    for section in words:
        assert section == sorted(section, key=str.lower)
    every = [word for section in words for word in section]
    assert len(every) == len(set(every)) >= 50
