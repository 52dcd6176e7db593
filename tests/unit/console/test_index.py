"""The search index finds what reading the whole log finds, over the parts of its full-text index too."""

import asyncio
from collections.abc import Iterator

import pytest

from appliance.audit.log.bodies import SEGMENT
from appliance.audit.review.query import select
from appliance.markings import Clearance
from images.console.app import index, search
from images.console.app.index import Index
from images.console.app.search import PAGE, Query, Search
from tests.unit.console.site import MINUTE, Site, days

COUNT = SEGMENT + 3_000
EVERYTHING = Clearance("TS", frozenset({"SI"}), frozenset({"USA"}))
DAYS = days(COUNT)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site.make(tmp_path_factory.mktemp("site"))
    asyncio.run(made.record(DAYS))
    return made


@pytest.fixture(scope="module")
def searching(site: Site) -> Iterator[Search]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PART", SEGMENT)
        patch.setattr(search, "PART", SEGMENT)
        made = Index(site.folder / "index.sqlite", site.log)
        while made.catch_up():
            pass
        yield Search(made.connect(), EVERYTHING)
        made.close()


@pytest.mark.parametrize(
    "query",
    [
        Query(text="tasks 399"),
        Query(text="tasks", subject="analyst", since=DAYS[SEGMENT - 900].time, until=DAYS[SEGMENT + 900].time),
        Query(decision="denied", subject="visitor"),
        Query(text="analyst visitor"),
        Query(since=DAYS[-1].time + MINUTE),
        Query(until=DAYS[0].time - MINUTE, decision="denied"),
        Query(since=DAYS[SEGMENT].time, until=DAYS[SEGMENT].time),
    ],
    ids=lambda query: ", ".join(query.model_fields_set),
)
def test_pages_over_several_parts_are_what_reading_everything_finds(
    site: Site, searching: Search, query: Query
) -> None:
    expected = [record.index for record, _ in select(site.log, query.as_filter())]
    assert searching.count(query) == len(expected)
    found, more = list[int](), True
    while more:
        places, more, count = searching.listed(query)
        assert count == len(expected)
        assert len(places) == PAGE or not more
        found += [place.index for place in places]
        query = query.model_copy(update={"before": found[-1] if found else 0})
    assert found == expected[::-1]
    assert [place.index for place in searching.all(query.model_copy(update={"before": None}), COUNT)] == expected


def test_decisions_are_counted_over_several_parts(searching: Search) -> None:
    for first, end in ((0, COUNT), (SEGMENT - 10, SEGMENT + 10), (SEGMENT, SEGMENT), (0, COUNT + SEGMENT)):
        within = [event.decision for event in DAYS[first:end]]
        expected = {name: within.count(name) for name in ("allowed", "denied")}
        assert searching.decided(first, end) == expected
