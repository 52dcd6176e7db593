"""Every row of the table of tampering in docs/officer.md leads to a test that exists."""

import re
from pathlib import Path

import pytest

DOCUMENT = Path("docs/officer.md")
SECTION = DOCUMENT.read_text().partition("## Who notices what")[2].partition("\n## ")[0]
ROWS = [line for line in SECTION.splitlines() if line.startswith("| ") and "| test |" not in line]


@pytest.mark.parametrize("row", ROWS)
def test_a_kind_of_tampering_has_a_test(row: str) -> None:
    links = re.findall(r"\[(test_[a-z_]+)\]\((\.\./tests/[a-z_/]+\.py)\)", row)
    assert links
    for name, file in links:
        assert f"def {name}(" in (DOCUMENT.parent / file).read_text()


def test_the_table_is_there() -> None:
    assert len(ROWS) >= 15


def test_pictures_exist() -> None:
    for name in re.findall(r"\]\((images/[a-z-]+\.png)\)", DOCUMENT.read_text()):
        assert (DOCUMENT.parent / name).is_file(), name
