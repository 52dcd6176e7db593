"""Charts as inline SVG: an interval on a line, with threshold and baselines. Colours come from the style sheet."""

from markupsafe import Markup, escape

from workbench.statistics.intervals import Interval

WIDTH, HEIGHT, EDGE = 260, 26, 6


def _x(value: float) -> float:
    return round(EDGE + max(0.0, min(1.0, value)) * (WIDTH - 2 * EDGE), 1)


def interval(
    found: Interval,
    *,
    limit: float | None = None,
    bound: float | None = None,
    rules: float | None = None,
    majority: float | None = None,
) -> Markup:
    """One interval as a picture, with a text for those who do not see it.

    Args:
        found: estimate and interval.
        limit: what the tier demands.
        bound: the one-sided bound.
        rules: what the rule engine reaches.
        majority: what the most frequent answer reaches.
    """
    text = f"{found.value:.2f}, 95 % interval {found.low:.2f} to {found.high:.2f}"
    marks = [f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="13" y2="13"/>']
    for name, value in (("rule engine", rules), ("most frequent answer", majority)):
        if value is not None:
            text += f", {name} {value:.2f}"
            marks.append(f'<path class="baseline" d="M{_x(value)} 9v8"/>')
    marks.append(_bar(found.low, found.high))
    if bound is not None:
        text += f", bound {bound:.2f}"
        marks.append(f'<path class="bound" d="M{_x(bound)} 7v12"/>')
    marks.append(f'<circle class="estimate" cx="{_x(found.value)}" cy="13" r="4"/>')
    if limit is not None:
        text += f", limit {limit:.2f}"
        marks.append(f'<path class="limit" d="M{_x(limit)} 1v24"/>')
    return _svg(text, "".join(marks))


def difference(found: Interval) -> Markup:
    """A difference from -1 to 1 around its middle."""
    text = f"{found.value:+.2f}, 95 % interval {found.low:+.2f} to {found.high:+.2f}"
    low, high, middle = ((value + 1) / 2 for value in (found.low, found.high, found.value))
    marks = (
        f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="13" y2="13"/><path class="limit" d="M{_x(0.5)} 1v24"/>'
        f"{_bar(low, high)}"
        f'<circle class="estimate" cx="{_x(middle)}" cy="13" r="4"/>'
    )
    return _svg(text, marks)


def _bar(low: float, high: float) -> str:
    return f'<rect class="interval" x="{_x(low)}" y="9" width="{max(1.0, _x(high) - _x(low)):.1f}" height="8"/>'


def _svg(text: str, marks: str) -> Markup:
    label = escape(text)
    return Markup(  # noqa: S704 - numbers of our own, and an escaped text
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{marks}</svg>"
    )
