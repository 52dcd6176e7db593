r"""The bodies of the log: JSON lines in files of 16,384 records, named by the index of their first.

One line is ``{"index":<n>,"salt":"<64 hex digits>","label":"<encoded label>","body":<event>}``, exactly so, because the
log commits to the event's bytes: the log's entry is ``SHA-256(salt || body)``. The event begins with its own label,
so the entry commits to the label too.
"""

import hashlib
import re
from binascii import unhexlify
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from appliance.audit.log.tiles import BODIES, LogError

SEGMENT = 16_384
MAXIMUM_BODY = 65_536
_CONTROL = bytes([*range(0x20), 0x7F])
_LABEL = re.compile(r"[A-Za-z0-9 ;,*./_-]{1,1024}")
_WHOLE = re.compile(
    rb'^\{"index":([0-9]+),"salt":"([0-9a-f]{64})","label":"([^"\\\n]{1,1024})","body":(\{"label":"\3".*\})\}\n', re.M
)
_LINE = re.compile(
    rb'\{"index":(0|[1-9][0-9]{0,18}),"salt":"([0-9a-f]{64})","label":"([^"\\]{1,1024})","body":(.+)\}\n'
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its place in the log, its salt (32 bytes), its encoded label, and the event's bytes."""

    index: int
    salt: bytes
    label: str
    body: bytes

    @property
    def entry(self) -> bytes:
        """What the log commits to; in hexadecimal it is also the receipt that the writer holds."""
        return hashlib.sha256(self.salt + self.body).digest()

    def line(self) -> bytes:
        """The record as it stands in its file."""
        head = f'{{"index":{self.index},"salt":"{self.salt.hex()}","label":"{self.label}","body":'
        return head.encode() + self.body + b"}\n"

    @classmethod
    def decode(cls, line: bytes) -> "Record":
        """Read one line.

        Raises:
            LogError: the line has another form, or its label is not the event's.
        """
        match = _LINE.fullmatch(line)
        if match is None:
            raise LogError("the line is not a record", rule="appliance.audit.log.bodies, form of a line")
        record = cls(int(match[1]), bytes.fromhex(match[2].decode()), match[3].decode(errors="replace"), match[4])
        if not record.body.startswith(label_prefix(record.label)):
            raise LogError("the record's label is not the label of its event")
        return record


@lru_cache(maxsize=1024)
def label_prefix(label: str) -> bytes:
    """How every event with this label begins."""
    return f'{{"label":"{label}"'.encode()


def check(label: str, body: bytes) -> None:
    """Refuse what the log does not take.

    Raises:
        LogError: the label is malformed, or the body is over 64 KiB, has control characters or another label.
    """
    if not _LABEL.fullmatch(label):
        raise LogError(f"the label {label[:80]!r} is not an encoded label")
    if len(body) > MAXIMUM_BODY:
        raise LogError(f"the event has {len(body)} bytes", rule=f"an event has at most {MAXIMUM_BODY} bytes")
    if not body.startswith(label_prefix(label)) or not body.endswith(b"}"):
        raise LogError("the event does not begin with its label", rule="an event is a JSON object, its label first")
    if len(body.translate(None, _CONTROL)) != len(body) or (not body.isascii() and not _is_text(body)):
        raise LogError("the event has control characters or is not UTF-8")


def whole_entries(path: Path) -> list[bytes] | None:
    """The entries of a full file, quickly; None if anything at all is not as it should be."""
    first = int(path.stem)
    data = path.read_bytes()
    found = _WHOLE.findall(data)
    if len(found) != SEGMENT or data.count(b"\n") != SEGMENT:
        return None
    if any(record[0] != b"%d" % index for index, record in enumerate(found, first)):
        return None
    return [hashlib.sha256(unhexlify(salt) + body).digest() for _, salt, _, body in found]


def segment_path(log: Path, index: int) -> Path:
    """The file that holds record ``index``."""
    return log / BODIES / f"{index - index % SEGMENT:012d}.jsonl"


def segments(log: Path) -> list[Path]:
    """The files with records, in their order."""
    return sorted((log / BODIES).glob("*.jsonl"))


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of one file as (offset in bytes, line with its line end)."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            yield offset, line
            offset += len(line)


def scan(log: Path, index: int) -> Iterator[tuple[Path, int, Record | None]]:
    """The records from ``index`` (the first of a file) on, as (file, offset, record).

    None stands in the place of a line that is damaged or has another index than its place demands.
    """
    while (path := segment_path(log, index)).exists():
        first = index
        for offset, line in lines(path):
            try:
                record = Record.decode(line)
            except LogError:
                yield path, offset, None
            else:
                yield path, offset, record if record.index == index else None
            index += 1
        if index != first + SEGMENT:
            return


def find(log: Path, index: int) -> Record:
    """The record at ``index``.

    Raises:
        LogError: it is not there, or its line is damaged.
    """
    path = segment_path(log, index)
    prefix = f'{{"index":{index},'.encode()
    if path.is_file():
        for _, line in lines(path):
            if line.startswith(prefix):
                return Record.decode(line)
    raise LogError(f"the log has no record {index}")


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
