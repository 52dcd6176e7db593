"""Labels that a project offers: for classes, spans and shapes alike."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from workbench.tasks.kind import Model, ShortText, refusal

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]$")]
MOST = 10_000
KEYS = "123456789"


class Label(Model):
    """A label.

    Attributes:
        name: what is stored.
        description: when to use it.
        key: the key that chooses it.
        parent: the label above it.
    """

    name: ShortText
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    key: Key | None = None
    parent: ShortText | None = None


Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=MOST)]


def check_labels(labels: Sequence[Label], field: str = "labels") -> None:
    """Refuse labels or keys that stand twice, unknown parents and circles.

    Raises:
        ValueError: names the label.
    """
    parents = {label.name: label.parent for label in labels}
    if len(parents) != len(labels):
        names = [label.name for label in labels]
        raise ValueError(f"{field}: {next(n for n in names if names.count(n) > 1)!r} stands twice")
    keys = [label.key for label in labels if label.key]
    if len(set(keys)) != len(keys):
        raise ValueError(f"{field}: the key {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    done: set[str] = set()
    for name in parents:
        path: list[str] = []
        above: str | None = name
        while above is not None and above not in done:
            if above not in parents:
                raise ValueError(f"{field}: {above!r}, the parent of {path[-1]!r}, is not among them")
            if above in path:
                raise ValueError(f"{field}: {above!r} is above itself")
            path.append(above)
            above = parents[above]
        done.update(path)


def leaves(labels: Sequence[Label]) -> list[Label]:
    """Labels that are no other's parent, in order: those that can be chosen."""
    parents = {label.parent for label in labels}
    return [label for label in labels if label.name not in parents]


def keyed(labels: Sequence[Label]) -> list[tuple[str, Label]]:
    """Labels with the keys that choose them: their own, else the first free digit; "" where there is none."""
    free = iter([key for key in KEYS if key not in {label.key for label in labels}])
    return [(label.key or next(free, ""), label) for label in labels]


def require_known(name: str, labels: Sequence[Label], field: str) -> None:
    """Refuse a label that the project does not offer.

    Raises:
        ApplianceError: it is not among ``labels``.
    """
    if all(label.name != name for label in labels):
        raise refusal(
            f"{field}: {name[:80]!r} is no label of this project",
            "an answer uses the labels of the project's schema",
            "choose one of them, or ask the project's lead for a new one",
        )
