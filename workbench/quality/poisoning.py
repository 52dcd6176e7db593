"""What a poisoned data set shows: near-duplicates, labels that their texts do not support, and tokens that turn labels.

A queue for people with the reason, never a silent filter. Labels are predicted from the other records by naive Bayes
over the words that occur, which needs no model and no network. A trigger in texts that say nothing else is not found,
nor are labels that are wrong in the same way throughout: known answers are the defence.
"""

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ALIKE = 0.8
"""Share of common word triples from which two texts are near-duplicates (Jaccard)."""

LEAST_TEXTS, LEAST_OF_CLASS = 30, 5
"""Texts, and texts of one class, below which nothing is said about labels."""

LEAST_WITH_TOKEN, MOST_WITH_TOKEN, TURNED, CHANCE = 5, 0.25, 0.7, 1e-3
"""A token is looked at in at least so many texts and at most this share of all. It is named if this share of them has
a label that the rest of the text does not support, and chance makes it so with less than this probability
(Bonferroni)."""

WORDS = 2000
"""Words of a text that are read."""

CELLS = 20_000_000
"""Words times classes up to which labels are predicted; that many take half a gigabyte."""

_WORD = re.compile(r"\w+|[^\w\s]+")
_BANDS, _ROWS = 16, 4


@dataclass(frozen=True)
class Alike:
    """Places of texts that are nearly the same, and the least likeness to the first of them."""

    places: tuple[int, ...]
    likeness: float


@dataclass(frozen=True)
class Doubtful:
    """A label that the text does not support: what was given, what is likely, and the odds of it as a logarithm."""

    place: int
    given: str
    likely: str
    score: float


@dataclass(frozen=True)
class Trigger:
    """Tokens that always stand together and turn labels to ``label``: in which texts, and how many of them."""

    tokens: tuple[str, ...]
    label: str
    places: tuple[int, ...]
    turned: int
    chance: float


def words(text: str) -> list[str]:
    """The words and signs of a text, without case."""
    return [found.casefold() for found, _ in zip(_WORD.findall(text), range(WORDS), strict=False)]


def near_duplicates(texts: Sequence[str], likeness: float = ALIKE) -> list[Alike]:
    """Groups of texts that are nearly the same.

    MinHash with 16 bands of 4 rows (Broder, 1997; Leskovec, Mining of Massive Datasets, 3.4) proposes, Jaccard decides.
    Each of a bucket is compared with its first alone, so that many equal texts cost no more than few.
    """
    triples = [_triples(text) for text in texts]
    parent = list(range(len(texts)))
    least = [1.0] * len(texts)

    def first(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    buckets: dict[tuple[int, bytes], int] = {}
    for place, own in enumerate(triples):
        for band, key in enumerate(_bands(own) if own else ()):
            other = buckets.setdefault((band, key), place)
            one, two = first(other), first(place)
            if one == two:
                continue
            common = len(own & triples[other]) / len(own | triples[other])
            if common >= likeness:
                low, high = min(one, two), max(one, two)
                parent[high] = low
                least[low] = min(least[low], least[high], common)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(texts)):
        groups[first(place)].append(place)
    return [Alike(tuple(places), least[low]) for low, places in sorted(groups.items()) if len(places) > 1]


class Predicted:
    """What the words of each text say about its label, learned from all the other texts.

    Args:
        texts: the texts.
        labels: the label of each.

    Raises:
        ValueError: they are too few, or too many for memory; the message says which.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        counted = {label: labels.count(label) for label in set(labels)}
        self.classes = sorted(label for label, count in counted.items() if count >= LEAST_OF_CLASS)
        if len(texts) < LEAST_TEXTS or len(self.classes) < 2:
            raise ValueError(f"at least {LEAST_TEXTS} texts and {LEAST_OF_CLASS} of each of two labels are needed")
        place_of = {label: number for number, label in enumerate(self.classes)}
        kept = [place for place, label in enumerate(labels) if label in place_of]
        self.places = np.array(kept, dtype=np.int64)
        self.given: Integers = np.array([place_of[labels[place]] for place in kept], dtype=np.int64)
        numbers: dict[str, int] = {}
        pairs = [
            (row, numbers.setdefault(word, len(numbers)))
            for row, place in enumerate(kept)
            for word in dict.fromkeys(words(texts[place]))
        ]
        self.vocabulary = list(numbers)
        if len(pairs) * len(self.classes) > CELLS:
            raise ValueError(f"the texts have more than {CELLS // len(self.classes)} words; make the project smaller")
        row, word = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        self.row, self.word = np.asarray(row), np.asarray(word)
        self.parts = self._parts()
        self.scores = self._scores()

    def _parts(self) -> Numbers:
        """What each word of each text adds to the logarithm for each class; the text itself is left out."""
        size, own = len(self.classes), self.given[self.row]
        counts = np.bincount(self.word * size + own, minlength=len(self.vocabulary) * size).reshape(-1, size)
        totals = np.bincount(self.given, minlength=size)
        self_out = np.eye(size)[own]
        return np.asarray(np.log((counts[self.word] - self_out + 0.5) / (totals[None, :] - self_out + 1.0)))

    def _scores(self) -> Numbers:
        size = len(self.classes)
        totals = np.bincount(self.given, minlength=size)
        prior = np.log(np.maximum(totals[None, :] - np.eye(size)[self.given], 0.5))
        sums = [np.bincount(self.row, self.parts[:, one], minlength=len(self.given)) for one in range(size)]
        return np.asarray(prior + np.stack(sums, axis=1))

    def doubtful(self) -> list[Doubtful]:
        """Labels that another one beats, where it is as likely as it is on average where it was given.

        Confident learning (Northcutt, Jiang and Chuang, 2021, 3.1), with predictions that leave each text out. Nine in
        ten are always enough: clean classes have averages that a wrong label, which is learned from, hardly reaches.
        """
        # Words depend on one another, so that their product is too sure of itself: the root of their number tempers it.
        tempered = self.scores / np.sqrt(np.maximum(np.bincount(self.row, minlength=len(self.given)), 1))[:, None]
        odds = np.exp(tempered - tempered.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        rows = np.arange(len(self.given))
        thresholds = np.array([min(odds[self.given == one, one].mean(), 0.9) for one in range(len(self.classes))])
        confident = np.where(odds >= thresholds[None, :], odds, -1.0)
        likely = confident.argmax(axis=1)
        found = (confident.max(axis=1) >= 0) & (likely != self.given) & (odds[rows, likely] > odds[rows, self.given])
        return sorted(
            (
                Doubtful(
                    int(self.places[row]),
                    self.classes[self.given[row]],
                    self.classes[likely[row]],
                    float(self.scores[row, likely[row]] - self.scores[row, self.given[row]]),
                )
                for row in np.flatnonzero(found)
            ),
            key=lambda one: (-one.score, one.place),
        )

    def triggers(self) -> list[Trigger]:
        """Tokens with which a text has a label that the rest of it does not support, far more often than without."""
        size, count = len(self.classes), len(self.given)
        occurs = np.bincount(self.word, minlength=len(self.vocabulary))
        chosen = np.flatnonzero((occurs >= LEAST_WITH_TOKEN) & (occurs <= MOST_WITH_TOKEN * count))
        together: dict[bytes, list[int]] = defaultdict(list)
        order = np.argsort(self.word, kind="stable")
        ends = np.cumsum(occurs)
        for word in chosen:
            entries = order[ends[word] - occurs[word] : ends[word]]
            together[self.row[entries].tobytes()].append(int(word))
        wrong = self.scores.argmax(axis=1) != self.given
        base = np.bincount(self.given[wrong], minlength=size) / count
        found = []
        for tokens in together.values():
            own = [order[ends[word] - occurs[word] : ends[word]] for word in tokens]
            rows = self.row[own[0]]
            rest = self.scores[rows] - sum(self.parts[entries] for entries in own)
            turned = rest.argmax(axis=1) != self.given[rows]
            label = int(np.bincount(self.given[rows], minlength=size).argmax())
            hits = int((turned & (self.given[rows] == label)).sum())
            if hits < LEAST_WITH_TOKEN or hits < TURNED * len(rows):
                continue
            elsewhere = max((base[label] * count - hits) / max(count - len(rows), 1), 1 / count)
            chance = min(1.0, _tail(hits, len(rows), elsewhere) * len(together))
            if chance < CHANCE:
                named = tuple(self.vocabulary[word] for word in tokens)
                places = tuple(int(place) for place in self.places[rows])
                found.append(Trigger(named, self.classes[label], places, hits, chance))
        return sorted(found, key=lambda one: (one.chance, one.tokens))


def _triples(text: str) -> set[int]:
    """Triples of following words as numbers, the same in every run."""
    found = words(text)
    parts = [" ".join(found[place : place + 3]) for place in range(max(len(found) - 2, min(len(found), 1)))]
    return {int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest(), "big") for part in parts}


_FACTORS = np.random.default_rng(0).integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def _bands(triples: set[int]) -> list[bytes]:
    hashed = np.array(sorted(triples), dtype=np.uint64)[:, None] * _FACTORS[None, :]
    least = (hashed >> np.uint64(16)).min(axis=0)
    return [least[start : start + _ROWS].tobytes() for start in range(0, _BANDS * _ROWS, _ROWS)]


def _tail(hits: int, of: int, rate: float) -> float:
    """Probability of at least ``hits`` of ``of`` at this rate (binomial)."""
    rate = min(rate, 1 - 1e-12)
    logs = [
        math.lgamma(of + 1)
        - math.lgamma(number + 1)
        - math.lgamma(of - number + 1)
        + number * math.log(rate)
        + (of - number) * math.log1p(-rate)
        for number in range(hits, of + 1)
    ]
    highest = max(logs)
    return min(1.0, math.exp(highest) * sum(math.exp(one - highest) for one in logs))
