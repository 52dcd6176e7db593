"""The part of a passage that answers: the run of sentences with most of what was asked for, word for word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 600
"""Characters of a quotation; the passage around it is one click away."""

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Extract:
    """A quotation.

    Attributes:
        start: its first character in the passage.
        end: one past its last.
        pieces: its text in order, each with whether it is what was looked for.
    """

    start: int
    end: int
    pieces: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The quotation itself."""
        return "".join(piece for piece, _ in self.pieces)


def extract(marked: str, starts: str, stops: str) -> Extract:
    """The best part of a passage.

    Args:
        marked: the whole passage, each word that was looked for between ``starts`` and ``stops``.
        starts: one character that stands nowhere else.
        stops: another one.
    """
    pieces = list(_pieces(marked, starts, stops))
    text = "".join(piece for piece, _ in pieces)
    hits: dict[int, str] = {}
    place = 0
    for piece, wanted in pieces:
        if wanted:
            hits[place] = piece.lower()
        place += len(piece)
    start, end = max(_runs(text), key=lambda run: (len({hits[at] for at in hits if run[0] <= at < run[1]}), -run[0]))
    return Extract(start, end, tuple(_cut(pieces, start, end)))


def _pieces(marked: str, starts: str, stops: str) -> Iterator[tuple[str, bool]]:
    before, *rest = marked.split(starts)
    yield before, False
    for piece in rest:
        word, _, after = piece.partition(stops)
        yield word, True
        yield after, False


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Every run of whole sentences that is no longer than ``MOST``, or one sentence, cut, that is."""
    begins = [0, *(match.end() for match in _END.finditer(text))]
    ends = [*(match.start() for match in _END.finditer(text)), len(text)]
    for first, start in enumerate(begins):
        fitting = [end for end in ends[first:] if end - start <= MOST]
        yield start, fitting[-1] if fitting else start + MOST


def _cut(pieces: list[tuple[str, bool]], start: int, end: int) -> Iterator[tuple[str, bool]]:
    place = 0
    for piece, wanted in pieces:
        inside = piece[max(start - place, 0) : max(end - place, 0)]
        if inside:
            yield inside, wanted
        place += len(piece)
