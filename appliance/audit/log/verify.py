"""Verification of a log by anyone who holds its public key: bodies, entries, tiles, checkpoint, each recomputed."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from appliance.audit.log import bodies
from appliance.audit.log.bodies import SEGMENT, Record
from appliance.audit.log.merkle import TILE_WIDTH, Tree, leaf_hash
from appliance.audit.log.note import Checkpoint, NoteError, Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, LogError, TileReader, bundle, entries_of, hashes_of, tile_path

MAXIMUM_FINDINGS = 1000


class Damage(BaseModel):
    """One piece of damage.

    Attributes:
        file: the file, relative to the log's folder.
        index: the record it concerns, or None where it concerns the file.
        problem: what is wrong.
    """

    file: str
    index: int | None
    problem: str


class Report(BaseModel):
    """What a verification found.

    Attributes:
        origin: the log's name.
        size: records under the checkpoint.
        unsigned: durable records behind the checkpoint; more than none is normal only while the log is open.
        root: root hash of the checkpoint, hexadecimal.
        open: whether a writer holds the log.
        findings: the damage, in the order of the log; empty when the log is whole.
    """

    origin: str
    size: int = 0
    unsigned: int = 0
    root: str = ""
    open: bool = False
    findings: list[Damage] = []

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.findings


def verify(path: Path, vkey: str, *, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Recompute the log in ``path`` from its bodies up to its signature.

    Args:
        path: the log's folder; nothing is written to it.
        vkey: the log's verifier key as text.
        progress: called with records done and records in all, every 16,384 records.

    Returns:
        A report that names every damaged record and file (the first thousand).

    Raises:
        NoteError: ``vkey`` is not a verifier key.
    """
    return _Verification(path, Verifier.decode(vkey), progress).run()


def writer_is_active(path: Path) -> bool:
    """Whether a process has the log in ``path`` open for writing."""
    try:
        lock = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


class _Verification:
    def __init__(self, path: Path, verifier: Verifier, progress: Callable[[int, int], None]) -> None:
        self.path = path
        self.verifier = verifier
        self.progress = progress
        self.report = Report(origin=verifier.name, open=writer_is_active(path))
        self.reader = TileReader(path, 0)
        self.tree = Tree()
        self.entries: list[bytes] = []

    def run(self) -> Report:
        checkpoint = self.checkpoint()
        size = checkpoint.size if checkpoint else 0
        self.report.size, self.report.root = size, checkpoint.root.hex() if checkpoint else ""
        self.reader = TileReader(self.path, size)
        if checkpoint is not None:
            self.records(size)
            self.edge()
            if self.tree.size == size and self.tree.root() != checkpoint.root:
                self.find(CHECKPOINT, None, "the root hash is not the root of the records")
        return self.report

    def find(self, file: str, index: int | None, problem: str) -> None:
        if len(self.report.findings) < MAXIMUM_FINDINGS:
            self.report.findings.append(Damage(file=file, index=index, problem=problem))

    def checkpoint(self) -> Checkpoint | None:
        try:
            return open_checkpoint((self.path / CHECKPOINT).read_bytes(), self.verifier)
        except OSError as error:
            self.find(CHECKPOINT, None, f"cannot be read: {error.strerror}")
        except NoteError as error:
            self.find(CHECKPOINT, None, error.message)
        return None

    def records(self, size: int) -> None:
        """Walk all bodies; a damaged record's entry is taken from the tiles, so that the others still verify."""
        index = 0
        expected_files = {bodies.segment_path(self.path, at) for at in range(0, size, SEGMENT)}
        for file in sorted(expected_files | set(bodies.segments(self.path))):
            name = str(file.relative_to(self.path))
            first = int(file.stem) if file.stem.isdigit() else -1
            if first != index or first % SEGMENT:
                self.find(name, None, "the file does not follow the one before it")
                continue
            if file.exists() and not (index + SEGMENT <= size and self.whole(file, index)):
                index = self.segment(file, index, size)
            elif file.exists():
                index += SEGMENT
            index = self.missing(name, index, min(size, first + SEGMENT))
            self.progress(min(index, size), size)
        self.report.unsigned = max(0, index - size)
        if self.report.unsigned and not self.report.open:
            self.find(CHECKPOINT, size, f"{self.report.unsigned} records from here on are not under the checkpoint")

    def whole(self, file: Path, index: int) -> bool:
        """Verify a full file at once; False, and nothing noted, if a record or an entry is not as it should be."""
        entries = bodies.whole_entries(file)
        if entries is None:
            return False
        chunks = [entries[at : at + TILE_WIDTH] for at in range(0, SEGMENT, TILE_WIDTH)]
        try:
            stored = [self.reader.read("entries", index // TILE_WIDTH + n) for n in range(len(chunks))]
        except (LogError, OSError):
            return False
        if stored != [bundle(chunk) for chunk in chunks]:
            return False
        for chunk in chunks:
            for level, tile, hashes in self.tree.add_tile([leaf_hash(entry) for entry in chunk]):
                self.tile(level, tile, hashes)
        return True

    def segment(self, file: Path, index: int, size: int) -> int:
        """Walk one file whose first record is ``index``; returns the index behind its last."""
        name, end = str(file.relative_to(self.path)), index + SEGMENT
        for record, problem in _read(file):
            if record is None:
                if index < size or not self.report.open:
                    self.find(name, index, problem)
            elif index < record.index < end:
                index = self.missing(name, index, record.index)
            elif record.index != index:
                self.find(name, record.index, f"record {record.index} stands where {index} belongs")
                continue
            if index == end:
                self.find(name, index, "the file has more records than its name allows")
                break
            if index < size:
                self.add(index, record.entry if record else None)
            index += 1
        return index

    def missing(self, file: str, index: int, end: int) -> int:
        """Note that the records from ``index`` up to (not with) ``end`` are not there; returns where to go on."""
        if index >= end:
            return index
        self.find(
            file, index, "the record is missing" if end == index + 1 else f"records {index} to {end - 1} are missing"
        )
        for at in range(index, min(end, self.report.size)):
            self.add(at, None)
        return end

    def add(self, index: int, entry: bytes | None) -> None:
        """Compare one entry with its bundle and grow the tree; full tiles are compared as they fill."""
        if index % TILE_WIDTH == 0:
            self.entries = self.bundle(index // TILE_WIDTH)
        stored = self.entries[index % TILE_WIDTH] if index % TILE_WIDTH < len(self.entries) else None
        if entry is not None and stored is not None and entry != stored:
            self.find(str(bodies.segment_path(Path(), index)), index, "the record is not what the log committed to")
        kept = stored if stored is not None else entry
        for level, tile, hashes in self.tree.add(leaf_hash(kept or b"")):
            self.tile(level, tile, hashes)

    def bundle(self, number: int) -> list[bytes]:
        name = tile_path("entries", number, min(TILE_WIDTH, self.reader.size - number * TILE_WIDTH))
        try:
            data = self.reader.read("entries", number)
            entries = entries_of(data)
        except (LogError, OSError) as error:
            self.find(name, None, getattr(error, "message", str(error)))
            return []
        if bundle(entries) != data or any(len(entry) != 32 for entry in entries):
            self.find(name, None, "the entry bundle is malformed")
        return entries

    def edge(self) -> None:
        count = self.tree.size
        for level, hashes in enumerate(self.tree.edge):
            count //= TILE_WIDTH
            if hashes:
                self.tile(level, count, hashes)

    def tile(self, level: int, number: int, hashes: list[bytes]) -> None:
        name = tile_path(level, number, len(hashes))
        try:
            stored = hashes_of(self.reader.read(level, number))
        except (LogError, OSError) as error:
            self.find(name, None, getattr(error, "message", str(error)))
            return
        for place, (expected, found) in enumerate(zip(hashes, stored, strict=False)):
            if expected != found:
                span = TILE_WIDTH**level
                first = (number * TILE_WIDTH + place) * span
                where = f"record {first}" if span == 1 else f"records {first} to {first + span - 1}"
                self.find(name, first, f"the hash of {where} is not the hash of the entries")


def _read(file: Path) -> Iterator[tuple[Record | None, str]]:
    for _, line in bodies.lines(file):
        try:
            yield Record.decode(line), ""
        except LogError as error:
            yield None, error.message
