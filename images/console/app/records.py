"""Records as the pages show them: read from the log itself, and compared with what the log committed to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from appliance.audit.events import ocsf
from appliance.audit.events.marked import level_colours, marking_text
from appliance.audit.events.ocsf import Event
from appliance.audit.log.bodies import Record
from appliance.audit.log.merkle import TILE_WIDTH, inclusion_proof, leaf_hash, verify_inclusion
from appliance.audit.log.note import Checkpoint, Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, LogError, TileReader, entries_of
from appliance.errors import ApplianceError
from appliance.markings import LEVELS, Label, MarkingError, banner_colours, parse
from appliance.markings.vocabulary import Vocabulary

from .index import UNREADABLE, read_line
from .search import Place


@dataclass(frozen=True)
class Marked:
    """A label for people: its text, its level for the style sheet, a short form, and its banner's colours."""

    text: str
    level: str
    short: str
    background: str = "#57606a"
    colour: str = "#ffffff"


class Markings:
    """Texts of labels: the site's own where it names them, else written from the label."""

    def __init__(self, known: dict[str, str], vocabulary: Vocabulary) -> None:
        self._known = known
        self._vocabulary = vocabulary

    def of(self, label: str) -> Marked:
        """The marking of an encoded label."""
        if label in ("", UNREADABLE):
            return Marked(label or "none", "none", label or "none")
        try:
            decoded = Label.decode(label)
            text = self._known.get(label) or marking_text(decoded, self._vocabulary)
            marking = parse(text, self._vocabulary)
        except MarkingError:
            return Marked(label, "none", label)
        return Marked(text, decoded.level, marking.portion, *banner_colours(marking))

    def style(self) -> str:
        """A style sheet with the colours of the levels."""
        rules = []
        for level in LEVELS:
            background, colour = level_colours(level)
            # As strong as the chassis's own rule for a portion, and behind it.
            one = f".portion.level-{level}"
            rules.append(f"{one} {{ background: {background}; color: {colour}; border-color: {background}; }}")
        return "\n".join(rules) + "\n"


@dataclass(frozen=True)
class Row:
    """One record in a list.

    Attributes:
        index: its place in the log.
        event: the event, or None where it is withheld or cannot be read.
        state: ``intact``, ``waiting`` (not yet under the checkpoint), ``changed``, ``damaged`` or ``withheld``.
        marked: its label.
        record: the record as it stands in the log.
    """

    index: int
    event: Event | None
    state: str
    marked: Marked = Marked("", "none", "")
    record: Record | None = None

    @property
    def time(self) -> datetime | None:
        """When it happened."""
        return datetime.fromtimestamp(self.event.time / 1000, UTC) if self.event else None


@dataclass
class Proof:
    """That a record is in the log.

    Attributes:
        entry: what the log committed to, hexadecimal.
        leaf: the hash of the leaf.
        hashes: the inclusion proof, from the leaf up.
        checkpoint: what it leads to.
        holds: whether it does.
        problem: why there is none.
    """

    entry: str
    leaf: str
    checkpoint: Checkpoint | None = None
    hashes: list[bytes] = field(default_factory=list)
    holds: bool = False
    problem: str = ""


class Reader:
    """Reads records and compares them with the log's entry bundles.

    Args:
        log: the log's folder.
        verifier: the log's key.
        markings: texts of labels.
    """

    def __init__(self, log: Path, verifier: Verifier, markings: Markings) -> None:
        self.log = log
        self.markings = markings
        self._bundles: dict[int, list[bytes]] = {}
        self.checkpoint: Checkpoint | None = None
        try:
            self.checkpoint = open_checkpoint((log / CHECKPOINT).read_bytes(), verifier)
        except (ApplianceError, OSError) as error:
            self.problem = str(error)

    def rows(self, places: Iterable[Place]) -> list[Row]:
        """The records at ``places``."""
        return [self.row(place) for place in places]

    def row(self, place: Place) -> Row:
        """The record at ``place``, compared with the log."""
        if not place.readable:
            return Row(place.index, None, "withheld")
        line = read_line(self.log, place.index, place.offset, place.length) or b""
        try:
            record = Record.decode(line)
            event = ocsf.read(record.body)
        except ApplianceError:
            return Row(place.index, None, "damaged")
        return Row(place.index, event, self._state(place.index, record), self.markings.of(event.label), record)

    def proof(self, record: Record, index: int) -> Proof:
        """The inclusion proof of ``record``, made from the tiles and verified."""
        leaf = leaf_hash(record.entry)
        proof = Proof(record.entry.hex(), leaf.hex(), self.checkpoint)
        if self.checkpoint is None:
            proof.problem = self.problem
        elif index >= self.checkpoint.size:
            proof.problem = "The record is durable and waits for the next checkpoint, at most a second."
        else:
            reader = TileReader(self.log, self.checkpoint.size)
            try:
                proof.hashes = inclusion_proof(reader.subtree, index, self.checkpoint.size)
            except (LogError, OSError) as error:
                proof.problem = str(error)
                return proof
            proof.holds = verify_inclusion(leaf, index, self.checkpoint.size, proof.hashes, self.checkpoint.root)
            if not proof.holds:
                proof.problem = "The record, as it stands in the log's bodies, is not what the log committed to."
        return proof

    def _state(self, index: int, record: Record) -> str:
        if self.checkpoint is None:
            return "damaged"
        if index >= self.checkpoint.size:
            return "waiting"
        number = index // TILE_WIDTH
        if number not in self._bundles:
            try:
                self._bundles[number] = entries_of(TileReader(self.log, self.checkpoint.size).read("entries", number))
            except (LogError, OSError):
                self._bundles[number] = []
        entries, place = self._bundles[number], index % TILE_WIDTH
        same = record.index == index and place < len(entries) and entries[place] == record.entry
        return "intact" if same else "changed"
