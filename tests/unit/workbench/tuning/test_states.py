"""An adapter goes through its states in order, and what is erased stays so."""

import pytest

from appliance.errors import ApplianceError
from workbench.tuning.states import LOADABLE, NEXT, State, check_change


@pytest.mark.parametrize("before", NEXT)
@pytest.mark.parametrize("after", NEXT)
def test_only_the_ways_that_there_are_are_gone(before: State, after: State) -> None:
    if after in NEXT[before]:
        check_change(before, after)
    else:
        with pytest.raises(ApplianceError, match=f"is {before} does not become {after}"):
            check_change(before, after)


def test_what_is_suspended_does_not_leave_and_is_evaluated_again() -> None:
    assert "suspended" not in LOADABLE
    assert NEXT["suspended"] == ("candidate", "revoked", "erased")
    assert not NEXT["erased"]
    assert "serving" not in NEXT["candidate"], "what is not certified serves nobody"
