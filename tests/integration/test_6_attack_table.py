"""The red team's table against the running site: what continuous integration tries, and in `make slow` every row."""

from collections.abc import Iterator

import pytest

from demo.instance import REPOSITORY, Instance
from tests.attack.row import Row
from tests.attack.table import ROWS, write
from tests.attack.world import World, attack, opened

QUICK = [row for row in ROWS if row.quick]


@pytest.fixture(scope="module")
def world(site: Instance) -> Iterator[World]:
    with opened(site) as one:
        yield one


@pytest.mark.parametrize("row", QUICK, ids=[row.name for row in QUICK])
def test_an_attempt_comes_to_nothing_and_leaves_its_record(world: World, row: Row) -> None:
    result = attack(world, row)
    assert result.said == row.expect
    assert result.recorded, f"no record of {row.record}"


@pytest.mark.long
def test_every_attempt_comes_to_nothing_and_leaves_its_record(world: World) -> None:
    results = [attack(world, row) for row in ROWS]
    write(results, REPOSITORY / "build" / "attack.json")
    wrong = [(one.row.name, one.said) for one in results if not (one.withstood and one.recorded)]
    assert wrong == []
