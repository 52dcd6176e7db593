"""Our client workflow answers as python-tuf's own, whatever it is given, in whatever order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tuf.api.exceptions import RepositoryError
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from appliance.trust.repository.workflow import TrustedMetadata
from tests.unit.trust.simulator import ANNA, BERT, CARL, DAY, DORA, START, Simulator, enrol

ROLES = ("timestamp", "snapshot", "targets")
STEPS = ("update_root", "update_timestamp", "update_snapshot", "update_targets")


@cache
def pool() -> dict[str, list[bytes]]:
    """Metadata of many editions for each step, honest and forged, of a repository whose keys were replaced once."""
    medium = Simulator()
    found: dict[str, list[bytes]] = {step: [] for step in STEPS}
    for version in (1, 2, 3):
        if version == 3:
            medium.rotate(enrol(ANNA, CARL, DORA), ANNA, BERT, CARL, DORA)
            medium.signers = [ANNA, CARL]
        medium.publish(version, expires=START + (10 if version == 2 else 100) * DAY)
        for role in ROLES:
            found[f"update_{role}"].append(medium.files[f"{role}.json"])
    found["update_root"] = list(medium.chain.roots)
    for role in ROLES:
        for change in (_one_signer, _older, _expired):
            medium.publish(4, expires=START + 100 * DAY)
            change(medium, role)
            found[f"update_{role}"].append(medium.files[f"{role}.json"])
    everything = [data for one in list(found.values()) for data in one[:1]]
    for step in STEPS:
        found[step] += [b"", b"{}", *everything]
    return found


def _one_signer(medium: Simulator, role: str) -> None:
    medium.forge(f"{role}.json", medium.signed(f"{role}.json"), ANNA)


def _older(medium: Simulator, role: str) -> None:
    signed = medium.signed(f"{role}.json")
    signed.version = 1
    medium.forge(f"{role}.json", signed, ANNA, CARL)


def _expired(medium: Simulator, role: str) -> None:
    signed = medium.signed(f"{role}.json")
    signed.expires = START
    medium.forge(f"{role}.json", signed, ANNA, CARL)


def outcome(step: Callable[..., Any], *given: Any, **named: Any) -> str:
    """The name of what a step raises, or nothing."""
    try:
        step(*given, **named)
    except (RepositoryError, RuntimeError) as error:
        return type(error).__name__
    return ""


steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 20), st.booleans()), max_size=12)
HONEST = [("update_timestamp", 0, False), ("update_snapshot", 0, False), ("update_targets", 0, False)]


@given(steps | steps.map(lambda more: [*HONEST[:2], *more]), st.sampled_from([0, 5, 50, 200]))
def test_every_step_ends_as_in_python_tuf(drawn: list[tuple[str, int, bool]], day: int) -> None:
    now: datetime = START + timedelta(days=day)
    first = pool()["update_root"][0]
    ours, theirs = TrustedMetadata(first, now), TrustedMetadataSet(first, EnvelopeType.METADATA)
    theirs.reference_time = now
    for step, number, trusted in drawn:
        known = {one.type for one in theirs}
        if known & set(ROLES[STEPS.index(step) :]):  # to ask backwards is the caller's fault, and we never do
            continue
        data = pool()[step][number % len(pool()[step])]
        named = {"trusted": trusted} if step == "update_snapshot" else {}
        expected = outcome(getattr(theirs, step), data, **named)
        assert outcome(getattr(ours, step), data, **named) == expected, (step, number, day)
        assert {one.type: one.version for one in ours} == {one.type: one.version for one in theirs}


def test_an_honest_edition_is_accepted_by_both() -> None:
    ours = TrustedMetadata(pool()["update_root"][0], START + DAY)
    assert [outcome(getattr(ours, step), pool()[step][0]) for step, _, _ in HONEST] == ["", "", ""]
