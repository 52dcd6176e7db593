"""What is exported: a task with all that people said about it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from workbench.tasks import kind_of
from workbench.tasks.kind import AnyKind


@dataclass(frozen=True)
class Given:
    """An answer of one annotator with the reviews of it.

    Attributes:
        annotator: who gave it.
        value: the answer.
        created: when, ISO 8601.
        original: the annotation that it was imported from.
        reviews: ``reviewer``, ``verdict``, ``value``, ``reason``, ``created`` of each.
        said: what the annotator gave, where the classes of the project changed since and ``value`` is another.
    """

    annotator: str
    value: dict[str, Any]
    created: str
    original: dict[str, Any] | None = None
    reviews: tuple[dict[str, Any], ...] = ()
    said: dict[str, Any] | None = None

    @property
    def settled(self) -> dict[str, Any] | None:
        """The answer after review: as corrected last; None if it was rejected."""
        if not self.reviews:
            return self.value
        last = self.reviews[-1]
        if last["verdict"] == "reject":
            return None
        value: dict[str, Any] = last["value"] or self.value
        return value


@dataclass(frozen=True)
class Record:
    """A task with what people said.

    Attributes:
        adjudication: ``adjudicator``, ``value``, ``reason`` and ``created`` of a decision.
        waiting: ``annotator`` and ``said`` of each answer that says nothing in the classes of today: a person must.
    """

    id: str
    marking: str
    groups: tuple[str, ...]
    data: dict[str, Any]
    source: dict[str, Any]
    external_id: str | None = None
    answers: tuple[Given, ...] = ()
    adjudication: dict[str, Any] | None = None
    waiting: tuple[dict[str, Any], ...] = ()

    def settled(self, kind: AnyKind, schema: Any) -> dict[str, Any] | None:
        """The answer that counts: as decided, else the one that most gave; None while there is none, or a draw."""
        if self.adjudication:
            decided: dict[str, Any] = self.adjudication["value"]
            return decided
        values = [given.settled for given in self.answers if given.settled is not None]
        if not values:
            return None
        data = kind.read_data(self.data)
        same = [_comparable(kind, schema, data, value) for value in values]
        (best, votes), *others = Counter(same).most_common(2)
        if others and others[0][1] == votes:
            return None
        return values[same.index(best)]


@dataclass(frozen=True)
class Project:
    """The project that is exported, under the marking of the whole file."""

    id: str
    name: str
    marking: str
    kind: str
    schema: dict[str, Any] = field(default_factory=dict)

    @property
    def behaviour(self) -> AnyKind:
        """Its kind."""
        return kind_of(self.kind)


def _comparable(kind: AnyKind, schema: Any, data: Any, value: dict[str, Any]) -> str:
    return repr(sorted(kind.units(schema, data, kind.answer_model.model_validate(value)).items()))
