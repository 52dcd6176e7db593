"""Changes of the classes of a project: rename, merge, split, relabel.

A change maps each class before it to the class after it that answers mean now, or to None: then only a person can say.
Classes that a mapping does not name stay. Changes are applied one after another, so none can go in a circle.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from workbench.tasks.kind import Model, ShortText, refusal
from workbench.tasks.labels import MOST, Label, check_labels, leaves

Moves = Mapping[str, str | None]
NewName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Rename(Model):
    """A class has another name."""

    change: Literal["rename"]
    label: ShortText
    to: NewName


class Merge(Model):
    """Classes become one, which is new or one that there is."""

    change: Literal["merge"]
    labels: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=MOST)]
    into: NewName


class Split(Model):
    """A class becomes several; of each answer that has it, a person says which."""

    change: Literal["split"]
    label: ShortText
    into: Annotated[tuple[NewName, ...], Field(min_length=2, max_length=100)]


class Relabel(Model):
    """Answers of one class have another from now on; both classes stay."""

    change: Literal["relabel"]
    label: ShortText
    to: ShortText


Change = Annotated[Rename | Merge | Split | Relabel, Field(discriminator="change")]
Changes = Annotated[tuple[Change, ...], Field(min_length=1, max_length=100)]


def moved(moves: Moves, name: str) -> str | None:
    """What a class is called after a change; None if a person must say."""
    return moves.get(name, name)


def composed(first: Moves, then: Moves) -> dict[str, str | None]:
    """Both mappings, one after the other."""
    both = {name: None if to is None else moved(then, to) for name, to in first.items()}
    return {**then, **both}


def moves_of(change: Change) -> dict[str, str | None]:
    """What a change maps."""
    match change:
        case Rename():
            return {change.label: change.to}
        case Merge():
            return dict.fromkeys(change.labels, change.into)
        case Split():
            return {change.label: None}
        case Relabel():
            return {change.label: change.to}


def back(change: Change) -> dict[str, str | None]:
    """What taking a change back maps: of answers that were given after it, whatever the classes before can say."""
    match change:
        case Rename():
            return {change.to: change.label}
        case Merge():
            return {change.into: None}
        case Split():
            return dict.fromkeys(change.into, change.label)
        case Relabel():
            return {}


def mapped(changes: Sequence[Change]) -> dict[str, str | None]:
    """What changes map together."""
    found: dict[str, str | None] = {}
    for change in changes:
        found = composed(found, moves_of(change))
    return found


def mapped_back(changes: Sequence[Change]) -> dict[str, str | None]:
    """What taking changes back maps together, the last one first."""
    found: dict[str, str | None] = {}
    for change in reversed(changes):
        found = composed(found, back(change))
    return found


def apply(labels: Sequence[Label], changes: Sequence[Change], *, finest: bool) -> tuple[Label, ...]:
    """The classes after changes.

    Args:
        labels: the classes before.
        changes: in this order.
        finest: whether only classes with none below them are given, as in classification.

    Raises:
        ApplianceError: a change is not possible; the message names it.
    """
    found = tuple(labels)
    for number, change in enumerate(changes):
        field = f"changes.{number}"
        before = found
        found = _applied(before, change, field)
        try:
            check_labels(found)
        except ValueError as error:
            raise refusal(f"{field}: {error}", "classes stand once and in no circle", "correct the change") from error
        if len(found) > MOST:
            raise refusal(f"{field}: {len(found)} classes", f"a project has at most {MOST}", "divide the project")
        if finest:
            _check_finest(before, found, change, field)
    return found


def _check_finest(before: Sequence[Label], after: Sequence[Label], change: Change, field: str) -> None:
    """No answer may come to a class that has classes below it."""
    moves, given = moves_of(change), {label.name for label in leaves(after)}
    for label in leaves(before):
        to = moved(moves, label.name)
        if to is not None and to not in given:
            raise refusal(f"{field}: {to!r} has classes below it", "the finest class is chosen", "choose one of them")


def _applied(labels: tuple[Label, ...], change: Change, field: str) -> tuple[Label, ...]:
    names = {label.name for label in labels}
    match change:
        case Rename():
            _known([change.label], names, f"{field}.label")
            _new([change.to], names, f"{field}.to")
            return tuple(_moved(label, {change.label: change.to}) for label in labels)
        case Merge():
            _known(change.labels, names, f"{field}.labels")
            return _merged(labels, change, field)
        case Split():
            _known([change.label], names, f"{field}.label")
            _new(change.into, names - {change.label}, f"{field}.into")
            return _split(labels, change, field)
        case Relabel():
            _known([change.label, change.to], names, field)
            return labels


def _moved(label: Label, moves: Mapping[str, str]) -> Label:
    parent = moves.get(label.parent, label.parent) if label.parent is not None else None
    return label.model_copy(update={"name": moves.get(label.name, label.name), "parent": parent})


def _merged(labels: tuple[Label, ...], change: Merge, field: str) -> tuple[Label, ...]:
    """The merged class keeps the place and the description of the one that there is, or of the first."""
    gone, by_name = set(change.labels), {label.name: label for label in labels}
    if change.into not in by_name:
        _printable(change.into, f"{field}.into")
    kept = by_name.get(change.into) or next(label for label in labels if label.name in gone)
    above = kept.parent
    while above in gone:
        above = by_name[above].parent
    merged = kept.model_copy(update={"name": change.into, "parent": above})
    moves = dict.fromkeys(gone, change.into)
    return tuple(
        merged if label is kept else _moved(label, moves) for label in labels if label is kept or label.name not in gone
    )


def _split(labels: tuple[Label, ...], change: Split, field: str) -> tuple[Label, ...]:
    found: list[Label] = []
    for label in labels:
        if label.parent == change.label:
            raise refusal(
                f"{field}: {change.label!r} has classes below it", "the finest class is split", "split one of them"
            )
        if label.name == change.label:
            found += [Label(name=name, parent=label.parent) for name in change.into]
        else:
            found.append(label)
    return tuple(found)


def _known(given: Sequence[str], names: set[str], field: str) -> None:
    for name in given:
        if name not in names:
            raise refusal(
                f"{field}: {name[:80]!r} is no class of this project",
                "a change is about classes that there are",
                "look at the classes again",
            )


def _new(given: Sequence[str], names: set[str], field: str) -> None:
    for name in given:
        _printable(name, field)
        if name in names:
            raise refusal(
                f"{field}: {name[:80]!r} is a class already", "a name stands for one class", "merge the two instead"
            )
    if len(set(given)) != len(given):
        raise refusal(f"{field}: a name stands twice", "a name stands for one class", "name each once")


def _printable(name: str, field: str) -> None:
    if not name.isprintable():
        raise refusal(f"{field}: {name[:80]!a} cannot be read", "a name has signs that people see", "write it again")
