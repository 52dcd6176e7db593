"""Where a record went: everything that the log knows of whom and what it touched, for the answer to a spill.

The log is read once, in its order, which is the order of causes. A name is what the log calls a record: its identifier,
its digest, the digest of a file or prompt. Beginning with the names that the officer gives, an event that takes a
tainted name as an input taints its outputs and its copy (``to``). What merely holds the record, such as its project,
does not become it: who read the project may have seen the record, and what was exported from it contains it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from appliance.audit.events import ocsf
from appliance.audit.events.marked import joined
from appliance.audit.events.ocsf import Event
from appliance.audit.log.bodies import Record
from appliance.audit.review import query
from appliance.contract.catalogue import Catalogue
from appliance.errors import ApplianceError
from appliance.markings import Label

NAMES = "give the record's identifier, the SHA-256 of its file, or the receipt of one of its events"
TRACED = "spill.trace"
BACKUP = "enclave.backup"
CREATED = "records.create"
KINDS = ("subject", "container", "volume", "answer", "copy", "export", "backup", "refused")
Certainty = Literal["certain", "possible"]
_NAME = re.compile(r"(sha256:)?[A-Za-z0-9][A-Za-z0-9._-]{7,127}")
_WORDS = re.compile(r"[^/\s?]+")


@dataclass
class Touch:
    """One thing that the record touched.

    Attributes:
        kind: one of ``KINDS``; ``refused`` is a subject who asked and did not get it.
        name: of the subject, container, volume, request, record or file.
        enclave: where; ``host`` for what is outside of all.
        certainty: ``possible`` where only what holds the record was touched.
        records: indexes of the log's records that say so.
        first: time of the first, milliseconds since the epoch.
        last: time of the last.
    """

    kind: str
    name: str
    enclave: str
    certainty: Certainty
    records: list[int]
    first: int
    last: int

    def as_dict(self) -> dict[str, Any]:
        """The touch as JSON."""
        return vars(self)


@dataclass
class Trace:
    """What a trace found.

    Attributes:
        starts: the names it began with.
        names: every name that carries the record, the starts among them.
        holders: what holds it, such as its project.
        touches: what it touched, by kind and then in time.
        label: join of the labels of all records that the trace shows.
        read: how many records of the log were read.
    """

    starts: tuple[str, ...]
    names: set[str] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
    touches: list[Touch] = field(default_factory=list)
    label: Label = field(default_factory=lambda: Label.decode("U;;*"))
    read: int = 0

    def of(self, kind: str) -> list[Touch]:
        """The touches of one kind."""
        return [touch for touch in self.touches if touch.kind == kind]

    @property
    def enclaves(self) -> list[str]:
        """The enclaves that the record was in."""
        return sorted({touch.enclave for touch in self.touches if touch.kind in ("container", "volume")})

    def as_dict(self) -> dict[str, Any]:
        """The trace as JSON."""
        return {
            "starts": list(self.starts),
            "names": sorted(self.names),
            "holders": sorted(self.holders),
            "touches": [touch.as_dict() for touch in self.touches],
            "label": self.label.encode(),
            "records_read": self.read,
        }


def trace(log: Path, starts: Iterable[str], catalogue: Catalogue) -> Trace:
    """Follow a record through the log in ``log``.

    Args:
        log: folder of the log.
        starts: identifiers as in a path, digests (``sha256:<hex>`` or the digits alone), or receipts.
        catalogue: the services of the host, which says whose each activity is and who keeps records in the database.

    Raises:
        ApplianceError: a name is too short to be one, or the log has never met any of them.
        LogError: a line is damaged, or records are missing: what they said would be missing.
    """
    follower = _Follower(tuple(_plain(start) for start in starts), catalogue)
    labels: set[str] = set()
    for line in query.lines(log):
        follower.result.read += 1
        if follower.may_concern(line):
            record = Record.decode(line)
            if follower.follow(record, ocsf.read(record.body)):
                labels.add(record.label)
    result = follower.result
    if not follower.found:
        raise ApplianceError(
            f"the log knows nothing of {', '.join(result.starts)}: {result.read} records were read",
            rule="a trace goes by what the log calls a record: an identifier, a digest or a receipt",
            remedy=NAMES,
        )
    result.label = joined(labels)
    result.touches = sorted(follower.found.values(), key=lambda touch: (KINDS.index(touch.kind), touch.first))
    return result


def moment(milliseconds: int) -> str:
    """A time of the log, for people."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ApplianceError(
            f"{name[:80]!r} is not the name of a record", rule="8 to 128 letters, digits, . _ -", remedy=NAMES
        )
    return name.removeprefix("sha256:").lower()


class _Follower:
    """Reads events in their order and keeps what is tainted so far."""

    def __init__(self, starts: tuple[str, ...], catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.result = Trace(starts, names=set(starts))
        self.found: dict[tuple[str, str, str], Touch] = {}
        self._requests: dict[str, Certainty] = {}

    def may_concern(self, line: bytes) -> bool:
        """Whether a line could be about the record; quick, because most are not."""
        if BACKUP.encode() in line or any(len(start) == 64 for start in self.result.starts):
            return True
        lower = line.lower()
        known = (self.result.names, self.result.holders, self._requests)
        return any(name.encode() in lower for names in known for name in names)

    def follow(self, record: Record, event: Event) -> bool:
        """Take one event into account; whether it is about the record."""
        if event.activity == TRACED:
            return False
        certainty = self._certainty(record, event)
        if certainty is None:
            return False
        if event.decision == "denied":
            self._touch("refused", event.subject, record, event, certainty)
            return True
        if event.activity == BACKUP:
            self._touch("backup", str((event.unmapped.detail or {}).get("file", "")), record, event, "certain")
            return True
        self._spread(event, certainty)
        self._places(record, event, certainty)
        return True

    def _certainty(self, record: Record, event: Event) -> Certainty | None:
        """How surely the event touches the record; None if it does not."""
        if event.activity == BACKUP:
            held = any(touch.enclave == event.unmapped.enclave for touch in self.found.values())
            return "certain" if held else None
        words = _words(event)
        if words & self.result.names or record.entry.hex() in self.result.starts:
            return "certain"
        if words & self.result.holders and event.activity != CREATED:
            return "possible"
        return self._requests.get(_request(event)) if event.activity != CREATED else None

    def _spread(self, event: Event, certainty: Certainty) -> None:
        """Taint what the event made of the record."""
        detail = event.unmapped.detail or {}
        if request := _request(event):
            self._requests.setdefault(request, certainty)
        if event.activity == CREATED or "to" in detail:
            self.result.holders.add(str(detail.get("project", "")).lower())
        if event.activity != CREATED:
            self.result.names |= {_bare(digest) for digest in event.unmapped.outputs or ()}
            self.result.names |= {str(detail["to"]).lower()} if "to" in detail else set()
            self.result.names |= {str(task).lower() for task in _listed(detail.get("imported"))}
        self.result.holders -= {"", *self.result.names}

    def _places(self, record: Record, event: Event, certainty: Certainty) -> None:
        """Note whom and what the event touched."""
        detail = event.unmapped.detail or {}
        enclave = event.unmapped.enclave
        self._touch("subject", event.subject, record, event, certainty)
        for service in _services(event, self._catalogue):
            self._touch("container", f"{enclave}-{service}", record, event, certainty)
            kept = service in self._catalogue and self._catalogue[service].database
            self._touch("volume", f"{enclave}/{'database' if kept else service}", record, event, certainty)
            if service in self._catalogue and any(route.read_down for route in self._catalogue[service].routes):
                self._touch("volume", f"{enclave}/published", record, event, certainty)
        if event.ai_model is not None:
            self._touch(
                "answer", f"{event.ai_model.name}, request {_request(event) or 'unknown'}", record, event, certainty
            )
        if "to" in detail:
            self._touch("copy", str(detail["to"]), record, event, certainty)
        if event.activity.endswith((".export", ".import")):
            for digest in event.unmapped.outputs or ():
                self._touch(
                    event.activity.rpartition(".")[2].replace("import", "copy"), digest, record, event, certainty
                )

    def _touch(self, kind: str, name: str, record: Record, event: Event, certainty: Certainty) -> None:
        key = (kind, name, event.unmapped.enclave)
        known = self.found.setdefault(
            key, Touch(kind, name, event.unmapped.enclave, certainty, [], event.time, event.time)
        )
        known.records.append(record.index)
        known.last = max(known.last, event.time)
        if certainty == "certain":
            known.certainty = "certain"


def _words(event: Event) -> set[str]:
    """Everything in the event that may name a record."""
    unmapped = event.unmapped
    words = {_bare(digest) for digest in (*(unmapped.inputs or ()), *(unmapped.outputs or ()))}
    if event.http_request is not None:
        words |= {word.lower() for word in _WORDS.findall(event.http_request.url.path)}
    for value in (unmapped.detail or {}).values():
        for text in value if isinstance(value, list) else [value]:
            words |= {_bare(word).lower() for word in _WORDS.findall(str(text))}
    return words | ({event.entity.uid.removeprefix("sha256:")} if event.entity and event.entity.uid else set())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _request(event: Event) -> str:
    return str(event.metadata.correlation_uid or (event.unmapped.detail or {}).get("request", "")).lower()


def _services(event: Event, catalogue: Catalogue) -> list[str]:
    """The service that handled the record, as far as the event tells; several where any of them may have."""
    if event.api is not None and event.api.service is not None:
        return [event.api.service.name]
    if event.http_request is not None:
        return [event.http_request.url.path.strip("/").partition("/")[0]]
    if event.ai_model is not None and catalogue.engine:
        return [catalogue.engine.name]
    return catalogue.recorders(event.activity)


def _bare(digest: str) -> str:
    return digest.removeprefix("sha256:").lower()
