"""An archive's key opens with any two of its holders, and with nothing less."""

from itertools import combinations
from pathlib import Path

import pyrage
import pytest

from appliance.trust import two_holders
from appliance.trust.age import AgeError

PEOPLE = [pyrage.x25519.Identity.generate() for _ in range(4)]
LINES = [str(person.to_public()) for person in PEOPLE]


def test_any_two_open_it_in_any_order_and_no_one_alone() -> None:
    recipient, shares = two_holders.make(LINES)
    for pair in combinations(PEOPLE, 2):
        for given in (pair, pair[::-1]):
            assert str(two_holders.open_key(shares, given, "x").to_public()) == recipient
    for one in PEOPLE:
        with pytest.raises(AgeError, match="does not open with the keys of"):
            two_holders.open_key(shares, [one], "x")
        with pytest.raises(AgeError, match="does not open with the keys of"):
            two_holders.open_key(shares, [one, one], "x")
        with pytest.raises(AgeError, match="does not open with the keys of"):
            two_holders.open_key(shares, [one, pyrage.x25519.Identity.generate()], "x")


def test_a_share_is_of_no_use_to_one_of_its_holders() -> None:
    _, (share, *_) = two_holders.make(LINES)
    outer = two_holders.Share(holders=(LINES[0], LINES[0]), sealed=share.sealed)
    with pytest.raises(AgeError, match="was changed"):
        two_holders.open_key([outer], [PEOPLE[0]], "x")


@pytest.mark.parametrize("lines", [LINES[:1], [LINES[0], LINES[0]], LINES * 3, []])
def test_one_holder_the_same_twice_or_too_many_are_refused(lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(AgeError, match="recipients are named"):
        two_holders.make(lines)
