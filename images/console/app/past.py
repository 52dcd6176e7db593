"""What officers have said in reviews: in the one that is under way, and in those that a quorum has cosigned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.audit.log.note import Note, NoteError, cosigners
from appliance.audit.log.policy import Policy, PolicyError, Signed
from appliance.audit.log.witness import COSIGNED, cosigned_sizes
from appliance.audit.review.summary import FINISHED, ranked

from .records import Reader
from .search import Query, Search


@dataclass(frozen=True)
class Said:
    """One officer's words to the findings of a range of records, as they stand in the log.

    Attributes:
        index: of the record.
        officer: who said it.
        time: when.
        start: first record of the range.
        end: record behind its last.
        words: what was said to each finding, by its kind and text.
    """

    index: int
    officer: str
    time: datetime
    start: int
    end: int
    words: dict[tuple[str, str], str]


@dataclass(frozen=True)
class Waiting:
    """A checkpoint that some officers cosigned, and whom the quorum still waits for."""

    size: int
    cosigned: dict[str, datetime]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """A review that a quorum ended.

    Attributes:
        start: first record of its range.
        end: record behind the last, the size that was cosigned.
        cosigned: who cosigned, and when.
        said: the officers' words in it.
    """

    start: int
    end: int
    cosigned: dict[str, datetime]
    said: list[Said]


def said_in(search: Search, reader: Reader) -> Iterator[Said]:
    """What was said to findings, in the fifty newest records of it, the newest first; read one by one.

    Args:
        search: of the officer, who sees what they may read.
        reader: of the log.
    """
    places, _ = search.page(Query(activity=FINISHED))
    for row in map(reader.row, places):
        detail = (row.event.unmapped.detail if row.event else None) or {}
        start, end, notes = detail.get("start"), detail.get("end"), detail.get("notes")
        if row.event is None or row.time is None or not isinstance(notes, dict):
            continue
        if not isinstance(start, int) or not isinstance(end, int) or row.state not in ("intact", "waiting"):
            continue
        findings = {one.id: (one.kind, one.text) for one in ranked(search.remarks(start, end))}
        words = {findings.get(name, ("", name)): str(word) for name, word in notes.items()}
        yield Said(row.index, row.event.subject, row.time, start, end, words)


def waiting(log: Path, policy: Policy | None, size: int) -> Waiting | None:
    """The newest checkpoint that somebody cosigned and the quorum has not, beyond the last review's ``size``."""
    if policy is None:
        return None
    for cosigned in reversed(cosigned_sizes(log)):
        if cosigned <= size:
            return None
        signed = _cosigned(log, policy, cosigned)
        if signed:
            missing = tuple(sorted(set(policy.witnesses) - set(signed)))
            return Waiting(cosigned, {name: _moment(time) for name, time in signed.items()}, missing)
    return None


def past(log: Path, policy: Policy | None, said: list[Said]) -> list[Past]:
    """Every review that the quorum ended, the newest first, with what was said in it."""
    ended = list(_ended(log, policy)) if policy else []
    found = []
    for start, one in zip([0, *(one.checkpoint.size for one in ended)], ended, strict=False):
        end = one.checkpoint.size
        mine = [word for word in said if start <= word.start and word.end <= end]
        found.append(Past(start, end, {name: _moment(time) for name, time in one.cosigned.items()}, mine))
    return found[::-1]


def _ended(log: Path, policy: Policy) -> Iterator[Signed]:
    for size in cosigned_sizes(log):
        try:
            yield policy.require((log / COSIGNED / str(size)).read_bytes())
        except (PolicyError, NoteError, OSError):
            continue


def _cosigned(log: Path, policy: Policy, size: int) -> dict[str, int]:
    """Who of the policy's witnesses cosigned the checkpoint over ``size`` records, and when."""
    try:
        signed = cosigners(Note.decode((log / COSIGNED / str(size)).read_bytes()), policy.witnesses.values())
    except (NoteError, OSError):
        return {}
    return {name: signed[key.name] for name, key in policy.witnesses.items() if key.name in signed}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
