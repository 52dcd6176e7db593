"""Choosing events by what an officer asks for, straight from the bodies of a log."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from appliance.audit.events import ocsf
from appliance.audit.events.ocsf import Event
from appliance.audit.log import bodies
from appliance.audit.log.bodies import Record
from appliance.audit.log.note import Checkpoint, Note
from appliance.audit.log.tiles import CHECKPOINT, LogError
from appliance.errors import ApplianceError


class Filter(BaseModel):
    """What to look for; a field that is None admits everything.

    Attributes:
        subject: name of the subject.
        enclave: name of the enclave.
        label: encoded label.
        decision: ``allowed`` or ``denied``.
        rule: the rule that decided.
        activity: what was done.
        text: text anywhere in the event, upper and lower case alike.
        words: words that all occur, each as the beginning of a word, upper and lower case alike.
        since: first time, milliseconds since the epoch.
        until: last time, milliseconds since the epoch.
    """

    subject: str | None = None
    enclave: str | None = None
    label: str | None = None
    decision: str | None = None
    rule: str | None = None
    activity: str | None = None
    text: str | None = None
    words: str | None = None
    since: int | None = None
    until: int | None = None

    def admits(self, event: Event, body: bytes) -> bool:
        """Whether the event, whose bytes are ``body``, is looked for."""
        rule = event.policy.name if event.policy else ""
        wanted = (
            (self.subject, event.subject),
            (self.enclave, event.unmapped.enclave),
            (self.label, event.label),
            (self.decision, event.decision),
            (self.rule, rule),
            (self.activity, event.activity),
        )
        return (
            all(want is None or want == have for want, have in wanted)
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time <= self.until)
            and (self.text is None or self.text.casefold() in body.decode(errors="replace").casefold())
            and (self.words is None or _has(body, words_of(self.words)))
        )


def words_of(text: str) -> list[str]:
    """The words of ``text``: what stands between spaces and punctuation, in lower case."""
    return [word.casefold() for word in re.findall(r"[^\W_]+", text)]


def _has(body: bytes, wanted: list[str]) -> bool:
    present = words_of(body.decode(errors="replace"))
    return all(any(word.startswith(prefix) for word in present) for prefix in wanted)


def select(log: Path, wanted: Filter) -> Iterator[tuple[Record, Event]]:
    """The records of the log in ``log`` that ``wanted`` admits, in their order.

    Raises:
        LogError: a line is damaged, or records are missing.
        EventError: a body is not an event.
    """
    for line in lines(log):
        record = Record.decode(line)
        event = ocsf.read(record.body)
        if wanted.admits(event, record.body):
            yield record, event


def lines(log: Path) -> Iterator[bytes]:
    """The whole lines of the log in ``log``, in their order; at the end, whether as many are there as must be.

    Raises:
        LogError: no log is there, or records of its checkpoint are missing: what they said cannot be known.
    """
    size = checkpoint_of(log).size
    count = 0
    for path in bodies.segments(log):
        for _, line in bodies.lines(path):
            if line.endswith(b"\n"):
                count += 1
                yield line
    if count < size:
        raise LogError(
            f"{log}: {count} of {size} records are there",
            rule="what a missing record said, nobody can know: an answer without it would be wrong",
            remedy="appliance audit verify --key FILE names what is missing; take the log from a copy",
        )


def checkpoint_of(log: Path) -> Checkpoint:
    """The last checkpoint of the log in ``log``, whose signature is not verified.

    Raises:
        LogError: there is none.
    """
    file = log / CHECKPOINT
    try:
        return Checkpoint.decode(Note.decode(file.read_bytes()).text)
    except (OSError, ApplianceError) as error:
        why = error.message if isinstance(error, ApplianceError) else error.strerror
        raise LogError(
            f"{file}: is not the checkpoint of a log: {why}",
            rule="where no log is, nobody can know what happened; that is not the same as that nothing happened",
            remedy="give the folder of the log, or take the log from a copy",
        ) from error
