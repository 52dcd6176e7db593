"""Whether a model is as sure as it is right."""

from collections.abc import Sequence


def brier(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Brier's score: the mean squared difference between confidence and outcome (Monthly Weather Review 78 (1950) 1).

    Raises:
        ValueError: the two have different lengths, or are empty.
    """
    pairs = list(zip(confidences, right, strict=True))
    if not pairs:
        raise ValueError("nothing to score")
    return sum((confidence - outcome) ** 2 for confidence, outcome in pairs) / len(pairs)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """The mean distance between confidence and accuracy over bins of equal width (Naeini et al., AAAI 2015).

    Raises:
        ValueError: the two have different lengths, are empty, or a confidence is no probability.
    """
    table: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    pairs = list(zip(confidences, right, strict=True))
    if not pairs or not all(0 <= confidence <= 1 for confidence, _ in pairs):
        raise ValueError("confidences are probabilities, and at least one is needed")
    for confidence, outcome in pairs:
        table[min(bins - 1, int(confidence * bins))].append((confidence, outcome))
    distances = (abs(sum(c for c, _ in row) - sum(o for _, o in row)) for row in table if row)
    return sum(distances) / len(pairs)
