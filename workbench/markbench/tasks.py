"""The tasks by name."""

from collections.abc import Iterator
from itertools import islice

from workbench.markbench import disclosure, marking
from workbench.markbench.item import PUBLISHED, Item, Maker, generate

TASKS: dict[str, Maker] = {
    "rollup": marking.roll_up,
    "banner_check": marking.banner_check,
    "syntax": marking.syntax,
    "compilation": marking.compilation,
    "nato": marking.nato,
    "fgi": marking.foreign,
    "joint": marking.joint,
    "sap": marking.special_access,
    "may_read": disclosure.may_read,
    "summary": disclosure.summary,
    "canary": disclosure.canary,
    "mixed_context": disclosure.mixed_context,
    "guide": disclosure.guide,
    "contradiction": disclosure.contradiction,
    "declassify": disclosure.declassify,
}


def items(task: str, count: int, *, key: bytes = PUBLISHED, generation: int = 1, tier: int | None = None) -> list[Item]:
    """The first ``count`` items of a task.

    Raises:
        KeyError: there is no such task.
    """
    return list(islice(stream(task, key=key, generation=generation, tier=tier), count))


def stream(task: str, *, key: bytes = PUBLISHED, generation: int = 1, tier: int | None = None) -> Iterator[Item]:
    """The items of a task without end."""
    return generate(TASKS[task], f"markbench.{task}", key=key, generation=generation, tier=tier)
