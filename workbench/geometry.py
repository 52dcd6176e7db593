"""Geometry of shapes in an image, in pixels: area, crossing edges, and how much of two shapes is common."""

import math
from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]
Ring = Sequence[Point]


def rotated(x: float, y: float, width: float, height: float, degrees: float) -> list[Point]:
    """Corners of a box that is turned clockwise around its upper left corner, as Label Studio turns boxes."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in corners]


def area(ring: Ring) -> float:
    """Area of a simple polygon."""
    return abs(_signed(ring))


def crosses_itself(ring: Ring) -> bool:
    """Whether two edges of a polygon touch that do not follow each other."""
    count = len(ring)
    edges = [(ring[number], ring[(number + 1) % count]) for number in range(count)]
    for (i, one), (j, other) in combinations(enumerate(edges), 2):
        if j - i in (1, count - 1):
            continue
        if _touch(*one, *other):
            return True
    return False


def common(one: Ring, other: Ring) -> float:
    """Area that two simple polygons have in common."""
    left, right = bounds(one), bounds(other)
    if left[2] <= right[0] or right[2] <= left[0] or left[3] <= right[1] or right[3] <= left[1]:
        return 0.0
    others = triangles(other)
    return sum(area(_clip(a, b)) for a in triangles(one) for b in others)


def iou(one: Ring, other: Ring) -> float:
    """Intersection over union of two simple polygons."""
    shared = common(one, other)
    union = area(one) + area(other) - shared
    return min(1.0, shared / union) if union > 0 else 0.0


def bounds(ring: Ring) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    xs, ys = [point[0] for point in ring], [point[1] for point in ring]
    return min(xs), min(ys), max(xs), max(ys)


def triangles(ring: Ring) -> list[list[Point]]:
    """A simple polygon cut into triangles (ear clipping), each with positive orientation."""
    rest = list(ring) if _signed(ring) > 0 else list(reversed(ring))
    found: list[list[Point]] = []
    while len(rest) > 3:
        for number in range(len(rest)):
            ear = [rest[number - 1], rest[number], rest[(number + 1) % len(rest)]]
            if _signed(ear) <= 0:
                continue
            if not any(_within(point, ear) for point in rest if point not in ear):
                found.append(ear)
                del rest[number]
                break
        else:  # what is left has no area
            return found
    if _signed(rest) > 0:
        found.append(rest)
    return found


def _signed(ring: Ring) -> float:
    return sum(ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1] for i in range(len(ring))) / 2


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return _turn(a, b, c) * _turn(a, b, d) <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0


def _within(point: Point, triangle: Sequence[Point]) -> bool:
    return all(_turn(triangle[i - 1], triangle[i], point) >= 0 for i in range(3))


def _clip(subject: Sequence[Point], window: Sequence[Point]) -> list[Point]:
    """The part of a convex polygon in a convex window of positive orientation (Sutherland and Hodgman, 1974)."""
    found = list(subject)
    for number in range(len(window)):
        a, b = window[number - 1], window[number]
        before, found = found, []
        for place in range(len(before)):
            start, end = before[place - 1], before[place]
            first, second = _turn(a, b, start), _turn(a, b, end)
            if (first < 0) != (second < 0):
                share = first / (first - second)
                found.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
            if second >= 0:
                found.append(end)
        if not found:
            return []
    return found
