"""A registry with a word that means nothing is refused by name, before anybody signs it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.monitor.decide.registry import parse_registry

GOOD = {"name": "anna", "clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"], "expires": "2030-01-01"}


def registry(**changes: Any) -> Any:
    return parse_registry({"subjects": [GOOD | changes]})


def test_a_subject_is_read_with_their_clearance() -> None:
    subject = registry(need=["SI", "TK"], nationalities=["USA", "GBR"]).find("anna")
    assert subject.holds().level == "S"
    assert subject.holds().need == {"SI", "TK"}
    assert not subject.expired(datetime(2030, 1, 1, 23, tzinfo=UTC))
    assert subject.expired(datetime(2030, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clearance": "SEKRET"}, "subjects.0.clearance"),
        ({"need": ["SX"]}, "subjects.0.need.0"),
        ({"nationalities": ["USB"]}, "subjects.0.nationalities.0"),
        ({"nationalities": []}, "subjects.0.nationalities"),
        ({"roles": ["Wizard!"]}, "subjects.0.roles.0"),
        ({"roles": []}, "subjects.0.roles"),
        ({"name": "Anna!"}, "subjects.0.name"),
        ({"expires": "soon"}, "subjects.0.expires"),
        ({"nickname": "x"}, "subjects.0.nickname"),
        ({"groups": ["Falcon!"]}, "subjects.0.groups.0"),
        ({"revoked": ["the old one"]}, "subjects.0.revoked.0"),
    ],
)
def test_a_bad_entry_is_refused_and_the_field_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ApplianceError, match=named.replace(".", r"\.")):
        registry(**changes)


def test_controls_of_the_clearance_are_held() -> None:
    subject = registry(clearance="TOP SECRET//SI/TK", need=["TK", "SP-CTI"]).find("anna")
    assert (subject.clearance, subject.holds().need) == ("TS", {"SI", "TK", "SP-CTI"})


@pytest.mark.parametrize(
    "clearance", ["TOP SECRET//SI//NOFORN", "SECRET//REL TO USA, GBR", "SECRET//SX", "SECRET//SI-G"]
)
def test_a_clearance_with_a_release_or_a_control_that_does_not_exist_is_refused(clearance: str) -> None:
    with pytest.raises(ApplianceError, match=r"subjects\.0\.clearance"):
        registry(clearance=clearance)


def test_a_subject_registered_twice_is_refused() -> None:
    with pytest.raises(ApplianceError, match="registered twice"):
        parse_registry({"subjects": [GOOD, GOOD]})


def test_a_revoked_serial_number_counts_however_it_was_copied() -> None:
    subject = registry(revoked=["0A:1B:2C"]).find("anna")
    assert subject.revoked == (format(0x0A1B2C, "x"),)
