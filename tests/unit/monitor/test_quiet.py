"""The monitor's own log stays small whatever others make it say, and tells how much it left out."""

import structlog
from hypothesis import given
from hypothesis import strategies as st

from appliance.monitor.serve.quiet import AT_ONCE, SECONDS, Quiet


def passed(quiet: Quiet, text: str) -> dict[str, object] | None:
    try:
        return dict(quiet(None, "error", {"event": text}))
    except structlog.DropEvent:
        return None


def test_a_flood_is_a_few_lines_and_a_count_and_other_kinds_go_on() -> None:
    now = 0.0
    quiet = Quiet(lambda: now)
    assert sum(passed(quiet, "failed") is not None for _ in range(10_000)) == AT_ONCE
    assert passed(quiet, "another") == {"event": "another"}
    now += SECONDS
    assert passed(quiet, "failed") == {"event": "failed", "held_back": 10_000 - AT_ONCE}
    assert passed(quiet, "failed") is None


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=200))
def test_no_more_lines_than_the_time_allows_and_none_is_lost_from_the_count(pauses: list[float]) -> None:
    now = 0.0
    quiet = Quiet(lambda: now)
    lines, told = 0, 0
    for pause in pauses:
        now += pause
        if (line := passed(quiet, "failed")) is not None:
            lines, told = lines + 1, told + int(str(line.get("held_back", 0)))
    assert lines <= AT_ONCE + now / SECONDS + 1e-6
    assert lines + told <= len(pauses)
