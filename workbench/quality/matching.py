"""How well two annotators' spans or shapes are the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.geometry import iou
from workbench.tasks.geometry import Shape
from workbench.tasks.spans import Span


@dataclass(frozen=True)
class Matched:
    """How much of two sets is common; ``f1`` counts two empty sets as equal."""

    common: int
    left: int
    right: int

    @property
    def f1(self) -> float:
        """The harmonic mean of both shares."""
        return 2 * self.common / (self.left + self.right) if self.left + self.right else 1.0


def spans(one: Sequence[Span], other: Sequence[Span]) -> Matched:
    """Spans with equal borders and label (the strict measure of MUC and CoNLL)."""
    left = {(span.start, span.end, span.label) for span in one}
    right = {(span.start, span.end, span.label) for span in other}
    return Matched(len(left & right), len(left), len(right))


def shapes(one: Sequence[Shape], other: Sequence[Shape], threshold: float = 0.5) -> Matched:
    """Boxes and polygons of one label that overlap by ``threshold``; the best pairs first, as COCO matches."""
    left = [shape for shape in one if shape.form in {"box", "polygon"}]
    right = [shape for shape in other if shape.form in {"box", "polygon"}]
    overlaps = np.array([[_overlap(a, b) for b in right] for a in left]).reshape(len(left), len(right))
    common = 0
    while overlaps.size and overlaps.max() >= threshold:
        row, column = np.unravel_index(overlaps.argmax(), overlaps.shape)
        overlaps[row, :] = overlaps[:, column] = -1
        common += 1
    return Matched(common, len(left), len(right))


def _overlap(one: Shape, other: Shape) -> float:
    return iou(one.ring(), other.ring()) if one.label == other.label else -1
