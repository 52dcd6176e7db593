"""What happened to the classes of a project, and what an answer of any time says today.

Each entry has the number of the classes that it made; 0 are those with which the project began. An answer has the
number of the classes that it was given in, and keeps what its author said. It is mapped when it is read.
"""

from collections.abc import Sequence

from workbench.ontology.changes import Changes, Moves, composed, mapped, mapped_back
from workbench.tasks.kind import Model


class Entry(Model):
    """A migration, or that one was taken back.

    Attributes:
        number: of the classes after it.
        changes: what changed; of what takes one back, the changes of that one.
        undoes: the number of the migration that it takes back.
    """

    number: int
    changes: Changes
    undoes: int | None = None


def standing(entries: Sequence[Entry]) -> list[Entry]:
    """Migrations that were not taken back, in order; the last of them can be."""
    found: list[Entry] = []
    for entry in entries:
        if entry.undoes is None:
            found.append(entry)
        else:
            found.pop()
    return found


def moves_since(entries: Sequence[Entry], number: int) -> Moves:
    """What maps classes of a number to those of today.

    A migration that was taken back since has no effect on what was given before it. What was given in between goes the
    way back.
    """
    path: list[tuple[int, Moves]] = []
    for entry in entries:
        if entry.number <= number:
            continue
        if entry.undoes is None:
            path.append((entry.number, mapped(entry.changes)))
        elif path and path[-1][0] == entry.undoes:
            path.pop()
        else:
            path.append((entry.number, mapped_back(entry.changes)))
    found: Moves = {}
    for _, moves in path:
        found = composed(found, moves)
    return found
