"""Who to look at: annotators who flip a class on purpose, and pairs who are wrong together.

A queue for people with the reason, never a silent filter. A colluding majority wins: known answers and routing by
chance are the defence. Measured on made-up crowds: saboteurs at a robust z of 23 where honest people reach 4, pairs who
collude at 10 where others reach 3.
"""

from dataclasses import dataclass

import numpy as np

from workbench.quality.dawid_skene import Inferred, Integers

SABOTEUR, COLLUDER = 6.0, 5.0
"""Robust z from which an annotator, or a pair, is named."""

LEAST = 20
"""Answers below which nothing is said about anybody."""


@dataclass(frozen=True)
class Suspect:
    """One or two annotators, how far from the others, and why."""

    annotators: tuple[int, ...]
    score: float
    reason: str


def saboteurs(task: Integers, annotator: Integers, answer: Integers, inferred: Inferred) -> list[Suspect]:
    """Annotators who answer one class where another is probably true far more often than the others do."""
    classes = len(inferred.prior)
    truth = inferred.truth.argmax(axis=1)[task]
    annotators = int(annotator.max()) + 1
    count = np.bincount((annotator * classes + truth) * classes + answer, minlength=annotators * classes**2)
    table = count.reshape(annotators, classes, classes).astype(float)
    totals = table.sum(axis=2, keepdims=True)
    enough = totals[:, :, 0] >= LEAST
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(totals > 0, table / totals, np.nan)
    found = []
    for true in range(classes):
        if enough[:, true].sum() < 3:
            continue
        for given in range(classes):
            if given == true:
                continue
            scores = _robust(rates[:, true, given], enough[:, true], float(np.nanmedian(totals[:, true, 0])))
            found += [
                Suspect((int(who),), float(scores[who]), f"{true}>{given}")
                for who in np.flatnonzero(scores >= SABOTEUR)
            ]
    return sorted(found, key=lambda one: -one.score)


def colluders(
    task: Integers, annotator: Integers, answer: Integers, inferred: Inferred, *, without: frozenset[int] = frozenset()
) -> list[Suspect]:
    """Pairs who give the same wrong answer more often than their errors alone explain."""
    annotators = int(annotator.max()) + 1
    classes = len(inferred.prior)
    wrong = inferred.truth.argmax(axis=1)[task] != answer
    error = np.bincount(annotator, weights=wrong, minlength=annotators) / np.maximum(
        np.bincount(annotator, minlength=annotators), 1
    )
    both, same = _together(task, annotator, answer, wrong, annotators)
    expected = both * error[:, None] * error[None, :] / max(classes - 1, 1)
    scores = (same - expected) / np.sqrt(np.maximum(expected, 1.0))
    found = []
    for one, other in zip(*np.triu_indices(annotators, 1), strict=True):
        score = float(scores[one, other])
        if both[one, other] >= LEAST and score >= COLLUDER and not {int(one), int(other)} & without:
            found.append(Suspect((int(one), int(other)), score, "wrong together"))
    return sorted(found, key=lambda one: -one.score)


def _robust(rates: "np.ndarray[tuple[int], np.dtype[np.float64]]", enough: Integers, typical: float) -> Integers:
    """Distance from the median in deviations, of which chance alone makes some."""
    values = rates[enough]
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    chance = np.sqrt(max(middle * (1 - middle), 0.01) / max(typical, 1.0))
    scores = (rates - middle) / max(spread, chance)
    return np.where(enough, np.nan_to_num(scores), 0)


def _together(
    task: Integers, annotator: Integers, answer: Integers, wrong: Integers, annotators: int
) -> tuple["np.ndarray[tuple[int, int], np.dtype[np.float64]]", "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
    """For each pair the tasks that both answered, and those that both answered alike and wrong."""
    both = np.zeros((annotators, annotators))
    same = np.zeros((annotators, annotators))
    order = np.argsort(task, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(task[order]) > 0])
    for group in np.split(order, starts[1:]):
        who, what, off = annotator[group], answer[group], wrong[group]
        both[np.ix_(who, who)] += 1
        same[np.ix_(who, who)] += (what[:, None] == what[None, :]) & off[:, None] & off[None, :]
    return both, same
