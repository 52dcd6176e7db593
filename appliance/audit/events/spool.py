"""Events recorded while the monitor is down: a chained file that hook, installer and commands append to.

The standard library alone, because the container hook must start in milliseconds. A line is JSON: sequence number,
SHA-256 of the line before, and the event. The monitor takes the lines in when it starts, and finds what is missing
(``appliance.audit.review.ingest``). Several processes may append, one after the other; ``append`` returns after fsync.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator

TYPE_CHECKING = False  # as of `typing`, which costs the hook milliseconds
if TYPE_CHECKING:
    from pathlib import Path

    from appliance.audit.events.ocsf import Event

FOLDER = "spool"
FILE = "spool.jsonl"
LOCK = "lock"
FIRST = "0" * 64
MAXIMUM_LINE = 100_000


def record(root: "Path", event: "Event") -> None:
    """Record one event durably in the spool of a host.

    Args:
        root: state of the appliance, normally ``/var/lib/appliance``.
        event: what is done next, or was found.

    Raises:
        OSError: as :func:`append`.
    """
    append(f"{root}/{FOLDER}", event.record()[1])


def append(folder: str, event: bytes) -> int:
    """Record one event durably in the spool.

    Args:
        folder: the spool's folder, made if absent.
        event: the event as JSON that begins with its label, as ``Event.record`` gives it.

    Returns:
        The event's sequence number in the spool.

    Raises:
        OSError: it cannot be made durable; what it is about must not happen then.
        ValueError: the event is over 64 KiB or is not one line.
    """
    if len(event) > 65_536 or b"\n" in event:
        raise ValueError("an event is one line of at most 64 KiB")
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs the hook milliseconds
    with locked(folder):
        file = os.open(os.path.join(folder, FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # noqa: PTH118
        try:
            end, last = _last_line(file)
            sequence = json.loads(last)["sequence"] + 1 if last else 0
            head = {"sequence": sequence, "previous": digest(last) if last else FIRST}
            line = json.dumps(head)[:-1].encode() + b', "event": ' + event + b"}\n"
            os.ftruncate(file, end)
            os.lseek(file, end, os.SEEK_SET)
            try:
                _write(file, line)
            except OSError:
                os.ftruncate(file, end)
                raise
        finally:
            os.close(file)
        if sequence == 0:
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(directory)
            os.close(directory)
    return int(sequence)


def digest(line: bytes) -> str:
    """SHA-256 of a line with its line end, hexadecimal: what the next line names as ``previous``."""
    return hashlib.sha256(line).hexdigest()


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the spool's lock."""
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # noqa: PTH118
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _last_line(file: int) -> tuple[int, bytes]:
    """Where the last whole line ends, and that line; what follows it was never acknowledged."""
    length = os.fstat(file).st_size
    start = max(0, length - 2 * MAXIMUM_LINE)
    tail = os.pread(file, length - start, start)
    end = tail.rfind(b"\n") + 1
    begin = tail.rfind(b"\n", 0, max(0, end - 1)) + 1
    return start + end, tail[begin:end]


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.fsync(file)
