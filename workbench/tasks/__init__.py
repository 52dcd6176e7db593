"""Kinds of tasks, one module each: what is asked, what an answer is, and how answers are compared and exchanged.

A project chooses one kind and freezes its schema (for example its labels). To add a kind, write a module with a
subclass of :class:`Kind` and name it here.
"""

from appliance.errors import ApplianceError
from workbench.tasks.chat import Chat
from workbench.tasks.classification import Classification
from workbench.tasks.geometry import Geometry
from workbench.tasks.kind import AnyKind
from workbench.tasks.pairwise import Pairwise
from workbench.tasks.ranking import Ranking
from workbench.tasks.rating import Rating
from workbench.tasks.spans import Spans
from workbench.tasks.writing import Writing

KINDS: dict[str, AnyKind] = {
    kind.name: kind
    for kind in (
        Classification(),
        Spans(),
        Pairwise(),
        Ranking(),
        Rating(),
        Writing(),
        Chat(),
        Geometry(),
    )
}


def kind_of(name: str) -> AnyKind:
    """The kind of this name.

    Raises:
        ApplianceError: there is none.
    """
    if name not in KINDS:
        raise ApplianceError(
            f"kind: {name[:40]!r} is no kind of task", rule=f"kinds are {', '.join(KINDS)}", remedy="choose one of them"
        )
    return KINDS[name]
