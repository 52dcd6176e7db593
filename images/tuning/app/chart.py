"""The curve of a run as inline SVG. Colours come from the style sheet."""

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 260, 60, 30, 16
MOST_POINTS = 360


def curve(losses: Sequence[float], validation: Sequence[float], steps: int) -> Markup:
    """Losses over steps, with those of the validation part after each epoch, and a text for those who do not see it.

    Args:
        losses: of each step.
        validation: after each epoch.
        steps: of the whole run.
    """
    if not losses:
        return Markup('<p class="muted">The curve begins with the first step.</p>')
    top = max([*losses, *validation]) * 1.05 or 1.0
    text = f"Loss {losses[0]:.3f} at first, {losses[-1]:.3f} after {len(losses)} of {steps} steps"
    if validation:
        text += f"; on the validation part {validation[0]:.3f} at first, {validation[-1]:.3f} now"
    every = max(1, len(losses) // MOST_POINTS)
    points = [(number, losses[number]) for number in range(0, len(losses), every)]
    if points[-1][0] != len(losses) - 1:
        points.append((len(losses) - 1, losses[-1]))
    marks = "".join(_rule(top * part / 4, top) for part in range(5))
    marks += f'<polyline class="line" points="{_line([(n + 1, v) for n, v in points], steps, top)}"/>'
    epochs = [((number + 1) * len(losses) / len(validation), value) for number, value in enumerate(validation)]
    marks += "".join(f'<circle class="dot" cx="{_x(at, steps)}" cy="{_y(v, top)}" r="4"/>' for at, v in epochs)
    label = escape(text)
    return Markup(  # noqa: S704 - numbers of our own, and an escaped text
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"><title>{label}</title>'
        f'{marks}<text x="{LEFT}" y="{HEIGHT - 6}">0</text>'
        f'<text class="end" x="{WIDTH - 6}" y="{HEIGHT - 6}">{steps} steps</text></svg>'
    )


def _x(step: float, steps: int) -> float:
    return round(LEFT + step / max(1, steps) * (WIDTH - LEFT - 8), 1)


def _y(value: float, top: float) -> float:
    return round((HEIGHT - BOTTOM - TOP) * (1 - value / top) + TOP, 1)


def _line(points: Sequence[tuple[float, float]], steps: int, top: float) -> str:
    return " ".join(f"{_x(at, steps)},{_y(value, top)}" for at, value in points)


def _rule(value: float, top: float) -> str:
    y = _y(value, top)
    return (
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 8}" y1="{y}" y2="{y}"/>'
        f'<text class="end" x="{LEFT - 6}" y="{y + 4}">{value:.2f}</text>'
    )
