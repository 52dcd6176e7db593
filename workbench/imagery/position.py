"""Where an image lies on the ground: its four corners in WGS 84, as the header of a NITF image has them (IGEOLO).

Between the corners a place is interpolated. Corners are given to a second of arc or a thousandth of a degree, so a
place is known to some 30 to 110 metres, whatever the image shows.
"""

import re
from collections.abc import Sequence

Place = tuple[float, float]
"""Longitude and latitude in degrees; beyond 180 where an image lies across the antimeridian."""
Corners = tuple[Place, Place, Place, Place]
"""Of the middle of the first and last pixel of the first row, then of the last and first pixel of the last row."""

_SEXAGESIMAL = re.compile(r"(\d\d)([0-5]\d)([0-5]\d)([NS])(\d{3})([0-5]\d)([0-5]\d)([EW])")
_DECIMAL = re.compile(r"([+-]\d\d\.\d{3})([+-]\d{3}\.\d{3})")
_WIDTH = 15


def corners_of(system: str, text: str) -> Corners | None:
    """The corners of an image.

    Args:
        system: ICORDS: ``G`` for degrees, minutes and seconds, ``D`` for decimal degrees.
        text: IGEOLO, four places of 15 characters (MIL-STD-2500C, Table A-3).

    Returns:
        None where the system is another one (UTM and MGRS among them), or the text is no place on the Earth.
    """
    read = {"G": _sexagesimal, "D": _decimal}.get(system)
    if read is None:
        return None
    places = [read(text[start : start + _WIDTH]) for start in range(0, 4 * _WIDTH, _WIDTH)]
    found = [place for place in places if place and abs(place[0]) <= 180 and abs(place[1]) <= 90]
    if len(found) != 4 or len(set(found)) == 1:
        return None
    longitudes = [longitude for longitude, _ in found]
    if max(longitudes) - min(longitudes) > 180:
        found = [(longitude + 360 if longitude < 0 else longitude, latitude) for longitude, latitude in found]
    one, two, three, four = found
    return one, two, three, four


def place_of(corners: Sequence[Place], size: tuple[int, int], point: tuple[float, float]) -> Place:
    """The place of a point of an image.

    Args:
        corners: of the image.
        size: its width and height in pixels.
        point: x and y in pixels from its upper left corner; the middle of the first pixel is at 0.5, 0.5.
    """
    u, v = ((at - 0.5) / max(length - 1, 1) for at, length in zip(point, size, strict=True))
    upper_left, upper_right, lower_right, lower_left = corners

    def between(axis: int) -> float:
        upper = upper_left[axis] * (1 - u) + upper_right[axis] * u
        lower = lower_left[axis] * (1 - u) + lower_right[axis] * u
        return upper * (1 - v) + lower * v

    return between(0), between(1)


def _sexagesimal(text: str) -> Place | None:
    found = _SEXAGESIMAL.fullmatch(text)
    if not found:
        return None
    south, west = found[4] == "S", found[8] == "W"
    latitude, longitude = (sum(int(found[n + i]) / 60**i for i in range(3)) for n in (1, 5))
    return (-longitude if west else longitude), (-latitude if south else latitude)


def _decimal(text: str) -> Place | None:
    found = _DECIMAL.fullmatch(text)
    return (float(found[2]), float(found[1])) if found else None
