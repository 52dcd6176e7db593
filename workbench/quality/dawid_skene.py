"""What is probably true, and how each annotator errs: Dawid and Skene (1979), by expectation maximisation.

Sparse: time and memory grow with the number of answers, not with tasks times annotators.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
SMOOTHING = 0.01


@dataclass(frozen=True)
class Inferred:
    """What came out.

    Attributes:
        truth: probability of each class for each task.
        confusion: for each annotator and true class the probability of each answer.
        prior: of the classes.
        iterations: that were needed.
    """

    truth: Numbers
    confusion: Numbers
    prior: Numbers
    iterations: int

    @property
    def skill(self) -> Numbers:
        """For each annotator the probability to answer right, over the classes as frequent as they are."""
        return np.asarray(np.einsum("wkk,k->w", self.confusion, self.prior))


def infer(
    task: Integers, annotator: Integers, answer: Integers, classes: int, *, most: int = 100, tolerance: float = 1e-6
) -> Inferred:
    """Infer from answers, each given by one entry of the three arrays, which count from 0.

    Args:
        task: of each answer.
        annotator: who gave it.
        answer: the class.
        classes: how many there are.
        most: iterations at most.
        tolerance: relative change of the likelihood at which to stop.
    """
    tasks, annotators = int(task.max()) + 1, int(annotator.max()) + 1
    truth = np.bincount(task * classes + answer, minlength=tasks * classes).reshape(tasks, classes).astype(float)
    truth /= truth.sum(axis=1, keepdims=True)
    cell = annotator * classes + answer
    last = -np.inf
    iteration = 0
    while iteration < most:
        iteration += 1
        confusion = np.empty((annotators, classes, classes))
        for true in range(classes):
            weighed = np.bincount(cell, weights=truth[task, true], minlength=annotators * classes)
            confusion[:, true, :] = weighed.reshape(annotators, classes) + SMOOTHING
        confusion /= confusion.sum(axis=2, keepdims=True)
        prior = truth.mean(axis=0)
        logarithm = np.empty((tasks, classes))
        for true in range(classes):
            given = np.log(confusion[:, true, :]).reshape(-1)
            logarithm[:, true] = np.bincount(task, weights=given[cell], minlength=tasks)
        logarithm += np.log(np.maximum(prior, 1e-300))
        highest = logarithm.max(axis=1, keepdims=True)
        truth = np.exp(logarithm - highest)
        sums = truth.sum(axis=1, keepdims=True)
        truth /= sums
        likelihood = float((highest + np.log(sums)).sum())
        if abs(likelihood - last) < tolerance * abs(likelihood):
            break
        last = likelihood
    return Inferred(truth, confusion, prior, iteration)
