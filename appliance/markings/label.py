"""Labels and the lattice that they form: what a marking means for access.

A label is reduced to three kinds of rule: an ordered level, a set of controls that a reader must hold entirely, and a
set of nations to which the object is releasable. ORCON and the like are obligations and no part of a label.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.markings.errors import MarkingError, Violation

LEVELS = ("U", "CUI", "C", "S", "TS")
RANK = {level: rank for rank, level in enumerate(LEVELS)}

_NEED = re.compile(r"[A-Z0-9](?:[A-Z0-9_ -]*[A-Z0-9_-])?")
_NATION = re.compile(r"[A-Z]{3}")
_NO_LIMIT = "*"


@dataclass(frozen=True, slots=True)
class Label:
    """What a reader must hold.

    Attributes:
        level: one of ``LEVELS``.
        need: controls that a reader must hold, all of them (SCI, SAP, AEA, CUI SP- categories ...).
        rel: trigraphs of the nations to which it is releasable; None means no limit.
    """

    level: str
    need: frozenset[str] = frozenset()
    rel: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.level not in RANK:
            raise _malformed(self.level, f"level {self.level!r} is none of {', '.join(LEVELS)}")

    def encode(self) -> str:
        """The stable text form ``level;need;rel`` for databases, headers and certificates; equal labels, equal text."""
        rel = _NO_LIMIT if self.rel is None else ",".join(sorted(self.rel))
        return f"{self.level};{','.join(sorted(self.need))};{rel}"

    @classmethod
    def decode(cls, text: str) -> "Label":
        """The label that ``encode`` wrote.

        Raises:
            MarkingError: ``text`` is not exactly what ``encode`` writes (sorted, no repetition, no spaces around).
        """
        parts = text.split(";") if isinstance(text, str) else []
        if len(parts) != 3:
            raise _malformed(text, "an encoded label has three parts: level;need;rel")
        level, need, rel = parts
        label = cls(
            level,
            _members(text, need, _NEED, "control"),
            None if rel == _NO_LIMIT else _members(text, rel, _NATION, "nation"),
        )
        if label.encode() != text:
            raise _malformed(text, "an encoded label is sorted and repeats nothing", label.encode())
        return label


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a subject holds.

    Attributes:
        level: one of ``LEVELS``.
        need: controls that the subject holds.
        nationalities: trigraphs of every nationality of the subject; without any, it reads only what has no limit.
    """

    level: str
    need: frozenset[str] = frozenset()
    nationalities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.level not in RANK:
            raise _malformed(self.level, f"level {self.level!r} is none of {', '.join(LEVELS)}")


def join(*labels: Label) -> Label:
    """The least label that dominates all of ``labels``: (maximum, union, intersection). Of none: UNCLASSIFIED."""
    level, need, rel = "U", frozenset[str](), None
    for label in labels:
        if RANK[label.level] > RANK[level]:
            level = label.level
        need |= label.need
        rel = label.rel if rel is None else rel if label.rel is None else rel & label.rel
    return Label(level, need, rel)


def dominates(a: Label, b: Label) -> bool:
    """Whether every subject who may read ``a`` may read ``b``."""
    return (
        RANK[a.level] >= RANK[b.level]
        and b.need <= a.need
        and (b.rel is None or (a.rel is not None and a.rel <= b.rel))
    )


def can_read(subject: Clearance, label: Label) -> bool:
    """Whether ``subject`` may read an object with ``label``: level, every control, and *all* nationalities in ``rel``.

    Requiring all nationalities (not any) makes reading a join equal to reading each of its parts.
    """
    return (
        RANK[subject.level] >= RANK[label.level]
        and label.need <= subject.need
        and (label.rel is None or (bool(subject.nationalities) and subject.nationalities <= label.rel))
    )


def can_write(working: Label, label: Label) -> bool:
    """Whether a session at ``working`` may write an object with ``label``: only at the equal label."""
    return working == label


def _members(text: str, part: str, pattern: re.Pattern[str], kind: str) -> frozenset[str]:
    members = part.split(",") if part else []
    _all_match(text, members, pattern, kind)
    return frozenset(members)


def _all_match(text: str, members: Iterable[str], pattern: re.Pattern[str], kind: str) -> None:
    for member in members:
        if not pattern.fullmatch(member):
            raise _malformed(text, f"{member!r} is no {kind}")


def _malformed(text: object, message: str, suggestion: str = "") -> MarkingError:
    shown = text if isinstance(text, str) else ""
    return MarkingError(
        shown, (Violation("label-encoding", "docs/architecture.md, Labels", (0, len(shown)), message, suggestion),)
    )
