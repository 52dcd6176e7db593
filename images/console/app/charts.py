"""Geometry of the charts; the templates draw it as SVG, so that the browser runs no script."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from .records import Marked, Markings
from .search import Bars

WIDTH = 400
PLOT_TOP, PLOT_HEIGHT, PLOT_LEFT = 12, 120, 34
KINDS = {"allowed": "allowed", "denied": "denied", "": "other"}
ROW, PITCH = 30, 52
NODE_WIDTH = 130


@dataclass(frozen=True)
class Bar:
    """A rectangle, what it says on hovering, and the times (milliseconds) that it leads to."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    since: int = 0
    until: int = 0


@dataclass(frozen=True)
class TimeChart:
    """Decisions over time."""

    bars: list[Bar]
    peak: int
    totals: dict[str, int]
    first: str
    last: str
    summary: str


@dataclass(frozen=True)
class RuleBar:
    """Denials by one rule; ``share`` is the length of the bar in percent of the longest."""

    rule: str
    count: int
    share: float


@dataclass(frozen=True)
class Node:
    """A label at one side of the chart of flows."""

    x: float
    y: float
    marked: Marked


@dataclass(frozen=True)
class Ribbon:
    """A flow: its path, its width, how often, and where the number stands."""

    path: str
    width: float
    kind: str
    count: int
    x: float
    y: float
    colour: str
    title: str


@dataclass(frozen=True)
class FlowChart:
    """Flows between labels."""

    nodes: list[Node]
    ribbons: list[Ribbon]
    height: float
    summary: str


def over_time(bars: Bars) -> TimeChart:
    """Stacked bars, denials on top."""
    length = max((len(counts) for counts in bars.counts.values()), default=0)
    stacks = [sum(counts[n] for counts in bars.counts.values()) for n in range(length)]
    peak = max(stacks, default=0)
    shapes = []
    pitch = (WIDTH - PLOT_LEFT) / max(length, 12)
    for n in range(length):
        base = float(PLOT_TOP + PLOT_HEIGHT)
        since = bars.start + n * bars.step
        for decision in ("", "allowed", "denied"):
            count = bars.counts.get(decision, [0] * length)[n]
            if count:
                height = max(2.0, PLOT_HEIGHT * count / peak)
                base -= height
                kind = KINDS[decision]
                title = f"{_moment(since, bars.step)}: {count:,} {kind if kind != 'other' else 'without a decision'}"
                x = PLOT_LEFT + n * pitch + 1
                shapes.append(Bar(x, base, max(1.5, pitch - 2), height, kind, title, since, since + bars.step - 1))
    totals = {kind: sum(bars.counts[decision]) for decision, kind in KINDS.items() if decision in bars.counts}
    spoken = ", ".join(f"{count:,} {kind}" for kind, count in totals.items()) or "nothing"
    last = bars.start + max(0, length - 1) * bars.step
    return TimeChart(
        shapes,
        peak,
        totals,
        _moment(bars.start, bars.step) if length else "",
        _moment(last, bars.step) if length > 1 else "",
        f"Decisions over time: {spoken}; at most {peak:,} in {_duration(bars.step)}",
    )


def by_rule(denials: list[tuple[str, int]]) -> list[RuleBar]:
    """Denials by rule, the most frequent first."""
    most = max((count for _, count in denials), default=1)
    return [RuleBar(rule, count, 100 * count / most) for rule, count in denials]


def flows(found: list[tuple[str, str, str, int]], markings: Markings) -> FlowChart:
    """Labels on both sides, the highest at the top, and a ribbon for each flow."""
    order = ("none", "U", "CUI", "C", "S", "TS")

    def column(labels: set[str], x: float) -> dict[str, Node]:
        ranked = sorted(labels, key=lambda label: (-order.index(markings.of(label).level), label))
        nodes = {}
        for n, label in enumerate(ranked):
            nodes[label] = Node(x, 8 + n * PITCH, markings.of(label))
        return nodes

    sources = column({source for source, _, _, _ in found}, 0)
    targets = column({target for _, target, _, _ in found}, WIDTH - NODE_WIDTH)
    most = max((count for *_, count in found), default=1)
    ribbons = [
        _ribbon(sources[source], targets[target], decision, count, most) for source, target, decision, count in found
    ]
    height = 8 + max(len(sources), len(targets), 1) * PITCH
    spoken = "; ".join(ribbon.title for ribbon in ribbons) or "none"
    return FlowChart([*sources.values(), *targets.values()], ribbons, height, f"Flows between labels: {spoken}")


def _ribbon(source: Node, target: Node, decision: str, count: int, most: int) -> Ribbon:
    shift = 9 if decision == "denied" else -5
    start, end = source.y + ROW / 2 + shift, target.y + ROW / 2 + shift
    left, right = NODE_WIDTH, WIDTH - NODE_WIDTH
    middle = (left + right) / 2
    width = 1.5 + 8 * math.sqrt(count / most)
    level = source.y == target.y
    at = (0.75 if level else 0.2) if decision == "denied" else (0.5 if level else 0.3)
    x, y = _on_curve(at, (left, start), (right, end))
    title = f"{count:,} {decision} from {source.marked.text} to {target.marked.text}"
    path = f"M{left} {start:.1f} C{middle} {start:.1f} {middle} {end:.1f} {right} {end:.1f}"
    return Ribbon(path, round(width, 1), decision, count, round(x, 1), round(y, 1), source.marked.background, title)


def _on_curve(at: float, start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """A point on the ribbon's cubic curve, whose inner points are level with its ends."""
    middle = (start[0] + end[0]) / 2
    ends, inner = (1 - at) ** 3, 3 * (1 - at) ** 2 * at
    inner_end, last = 3 * (1 - at) * at**2, at**3
    return (
        ends * start[0] + (inner + inner_end) * middle + last * end[0],
        (ends + inner) * start[1] + (inner_end + last) * end[1],
    )


def _moment(time: int, step: int) -> str:
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return f"{moment:%d %b}" if step >= 86_400_000 else f"{moment:%d %b %H:%M}"


def _duration(step: int) -> str:
    minutes = step // 60_000
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 1440 else f"{minutes // 1440} d"
