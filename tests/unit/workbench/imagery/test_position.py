"""Where an image lies is read from its header, or is not known; never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workbench.imagery.writing import Part, nitf
from workbench.imagery.nitf import read_nitf
from workbench.imagery.position import corners_of, place_of

SEXAGESIMAL = "513000N0011500W513000N0011400W512900N0011400W512900N0011500W"
DECIMAL = "+51.500-001.250+51.500-001.233+51.483-001.233+51.483-001.250"


def test_corners_in_degrees_minutes_and_seconds_and_in_decimals() -> None:
    wanted = ((-1.25, 51.5), (-1.23333, 51.5), (-1.23333, 51.48333), (-1.25, 51.48333))
    found = corners_of("G", SEXAGESIMAL)
    assert found is not None
    assert [part for place in found for part in place] == pytest.approx([p for one in wanted for p in one], abs=1e-5)
    assert corners_of("D", DECIMAL) == ((-1.25, 51.5), (-1.233, 51.5), (-1.233, 51.483), (-1.25, 51.483))


def test_corners_on_both_sides_of_the_antimeridian_follow_each_other() -> None:
    text = "100000N1795900E100000N1795900W095900N1795900W095900N1795900E"
    corners = corners_of("G", text)
    assert corners is not None
    assert [round(longitude, 3) for longitude, _ in corners] == [179.983, 180.017, 180.017, 179.983]


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("G", "0" * 60),
        ("G", " " * 60),
        ("G", SEXAGESIMAL.replace("513000N", "516000N", 1)),
        ("G", SEXAGESIMAL.replace("513000N", "913000N", 1)),
        ("G", SEXAGESIMAL.replace("0011500W", "1811500W", 1)),
        ("G", "513000N0011500W" * 4),
        ("D", SEXAGESIMAL),
        ("D", DECIMAL.replace("+51.500", "+51,500", 1)),
        ("U", "31UBT0000000000" * 4),
        ("N", "310000000000000" * 4),
        ("C", SEXAGESIMAL),
    ],
)
def test_what_is_no_place_is_not_guessed(system: str, text: str) -> None:
    assert corners_of(system, text) is None


@given(st.integers(2, 5000), st.integers(2, 5000))
def test_the_middle_of_each_corner_pixel_is_the_corner(width: int, height: int) -> None:
    corners = corners_of("D", DECIMAL)
    assert corners is not None
    middles = [(0.5, 0.5), (width - 0.5, 0.5), (width - 0.5, height - 0.5), (0.5, height - 0.5)]
    for corner, middle in zip(corners, middles, strict=True):
        assert place_of(corners, (width, height), middle) == pytest.approx(corner)


def test_the_reader_of_headers_finds_the_corners() -> None:
    located, unlocated = (
        read_nitf(nitf([Part("image", values=values)])).segments[0].picture
        for values in ({"located": b"G" + SEXAGESIMAL.encode()}, {})
    )
    assert located is not None
    assert located.corners == corners_of("G", SEXAGESIMAL)
    assert unlocated is not None
    assert unlocated.corners is None
