"""The page of attacks has every row of the red team, and each row is one that can fail."""

from collections import Counter

from tests.attack.__main__ import HEADING, PAGE
from tests.attack.remains import REMAINS
from tests.attack.row import Actor, Kind
from tests.attack.table import ROWS, section


def test_the_page_lists_every_attempt() -> None:
    _, _, written = PAGE.read_text().partition(HEADING)
    assert written == f"{section().rstrip()}\n", "docs/attacks.md is not what the rows say: run `make docs`"


def test_no_attempt_stands_twice_and_every_actor_and_class_has_some() -> None:
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []
    assert {row.actor for row in ROWS} == set(Actor) == set(REMAINS)
    assert {row.kind for row in ROWS} == set(Kind)
    assert any(row.quick for row in ROWS)
