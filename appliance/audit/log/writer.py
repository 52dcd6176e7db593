"""The transparency log's one writer: nothing is acknowledged before it is on the disk.

Records wait for the next write; one write and one fsync serve all that wait (group commit). Tiles and the signed
checkpoint follow at most a second later. Whatever a crash leaves, ``Log.open`` brings back every acknowledged record
and keeps or drops the others whole.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.audit.log import bodies
from appliance.audit.log.bodies import SEGMENT, Record
from appliance.audit.log.merkle import EMPTY, TILE_WIDTH, Tree, leaf_hash
from appliance.audit.log.note import Checkpoint, Note, Signer, open_checkpoint
from appliance.audit.log.tiles import (
    BODIES,
    CHECKPOINT,
    HASH_SIZE,
    LogError,
    TileReader,
    bundle,
    tile_path,
)
from appliance.trust.files import replace_file, replace_files, sync

CHECKPOINT_INTERVAL = 1.0
MAXIMUM_WAITING = 100_000
_Waiting = tuple[Sequence[tuple[str, bytes]], "asyncio.Future[list[str]]"]


class Log:
    """An open log; there is one a folder, and ``open`` refuses a second.

    Attributes:
        path: the log's folder.
        verifier: the public key that checkpoints are verified with.
        size: number of durable records.
        recovered: file with the bytes of an unfinished record that ``open`` put aside, or None.
    """

    def __init__(self, path: Path, signer: Signer, lock: int, interval: float) -> None:
        self.path = path
        self.verifier = signer.verifier
        self.recovered: Path | None = None
        self._signer = signer
        self._lock = lock
        self._interval = interval
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._checkpointing: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="audit-records")
        self._tile_disk = ThreadPoolExecutor(1, thread_name_prefix="audit-tiles")
        self._full_tiles: list[tuple[str, bytes]] = []
        self._partial_tiles: list[str] = []
        self._failure: LogError | None = None
        self._closing = asyncio.Event()
        self._lengths: dict[Path, int] = {}
        self._tree = Tree()
        self._entries: list[bytes] = []
        self._recover()

    @staticmethod
    def create(path: Path, key: Path, origin: str) -> str:
        """Make an empty log in ``path`` and its signing key in the new file ``key``.

        Args:
            path: the log's folder, made if absent.
            key: file for the private key; keep it outside of what anyone else may read.
            origin: name of the log, unique in the world, for example ``site.example/audit``.

        Returns:
            The verifier key, which is also in ``path / "log.vkey"``.

        Raises:
            LogError: there is a log or a key already.
        """
        if (path / CHECKPOINT).exists() or key.exists():
            raise LogError(f"{path} or {key} exists", rule="a log is made once", remedy="open the log that is there")
        signer = Signer.generate(origin)
        for folder, mode in ((path, 0o750), (path / BODIES, 0o750), (key.parent, 0o700)):
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(signer.encode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync(key.parent)
        replace_file(path / "log.vkey", (signer.verifier.encode() + "\n").encode())
        replace_file(path / CHECKPOINT, _signed(Checkpoint(origin, 0, EMPTY), signer))
        return signer.verifier.encode()

    @classmethod
    def open(cls, path: Path, key: Path, *, checkpoint_interval: float = CHECKPOINT_INTERVAL) -> "Log":
        """Open the log in ``path`` for writing, repairing what a crash left unfinished.

        Args:
            path: the log's folder.
            key: file with the log's signing key.
            checkpoint_interval: seconds after which a record is under a signed checkpoint at the latest.

        Raises:
            LogError: another process writes, or the files are not what the last checkpoint commits to.
        """
        try:
            signer = Signer.decode(key.read_text())
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise LogError(
                f"{error.filename}: {error.strerror}",
                rule="the monitor opens the log and its key, which the first installation makes",
                remedy="install again: appliance host install --help; if the log was there, take it from a copy",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise LogError(
                f"another process writes to {path}",
                rule="a log has one writer",
                remedy="the monitor has this log: look with appliance audit show; stop the monitor first otherwise",
            ) from None
        try:
            return cls(path, signer, lock, checkpoint_interval)
        except BaseException:
            os.close(lock)
            raise

    @property
    def size(self) -> int:
        """Number of durable records."""
        return self._tree.size

    async def append(self, records: Sequence[tuple[str, bytes]]) -> list[str]:
        """Record events; returns when they are durable.

        Args:
            records: (encoded label, event as JSON bytes) pairs; they become neighbours in the log, in this order.

        Returns:
            One opaque receipt a record: it tells nothing about the log, and finds the record in it.

        Raises:
            LogError: a record is malformed, or the log cannot be written. Nothing of ``records`` may then take effect.
        """
        for label, body in records:
            bodies.check(label, body)
        if self._failure is not None:
            raise self._failure
        if len(self._waiting) >= MAXIMUM_WAITING:
            raise LogError("too many records wait for the disk", remedy="try again later")
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        return await done

    async def checkpoint(self) -> None:
        """Write tiles and sign a checkpoint over all durable records now."""
        size, root = self._tree.size, self._tree.root()
        full, self._full_tiles = self._full_tiles, []
        partial = self._open_tiles()
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._tile_disk, self._write_checkpoint, [*full, *partial], Checkpoint(self.verifier.name, size, root)
            )
        except OSError as error:
            self._full_tiles = full + self._full_tiles
            raise self._fail(error) from error
        self._failure = None
        self._discard([name for name in self._partial_tiles if name not in dict(partial)])
        self._partial_tiles = [name for name, _ in partial]

    async def close(self) -> None:
        """Write what waits, sign a last checkpoint and let another writer in."""
        if self._committing is not None:
            await self._committing
        if self._checkpointing is not None:
            self._closing.set()
            await self._checkpointing
        try:
            await self.checkpoint()
        finally:
            self._disk.shutdown()
            self._tile_disk.shutdown()
            os.close(self._lock)

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    entries = await loop.run_in_executor(self._disk, self._write, [r for rs, _ in batch for r in rs])
                except OSError as error:
                    failure = self._fail(error)
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(failure)
                    continue
                self._grow(entries)
                receipts = iter([entry.hex() for entry in entries])
                for records, done in batch:
                    mine = [next(receipts) for _ in records]
                    if not done.done():
                        done.set_result(mine)
        finally:
            self._committing = None
        if self._checkpointing is None:
            self._checkpointing = asyncio.create_task(self._checkpoint_soon())

    async def _checkpoint_soon(self) -> None:
        signed = -1
        try:
            while not self._closing.is_set() and (signed != self.size or self._failure is not None):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self._interval)
                signed = self.size
                with contextlib.suppress(LogError):
                    await self.checkpoint()
        finally:
            self._checkpointing = None

    def _fail(self, error: OSError) -> LogError:
        self._failure = LogError(
            f"the log cannot be written: {error.strerror}",
            rule="no durable record, no effect",
            remedy="free space on the log's disk, or replace it; the log goes on by itself",
        )
        return self._failure

    def _write(self, records: list[tuple[str, bytes]]) -> list[bytes]:
        """Append lines to the bodies and make them durable; on failure the files are as before."""
        salts = os.urandom(HASH_SIZE * len(records))
        index = self._tree.size
        made = [
            Record(index + n, salts[n * HASH_SIZE : (n + 1) * HASH_SIZE], label, body)
            for n, (label, body) in enumerate(records)
        ]
        lengths = dict(self._lengths)
        path, start = self.path, 0
        try:
            while start < len(made):
                path = bodies.segment_path(self.path, made[start].index)
                end = min(len(made), start + SEGMENT - made[start].index % SEGMENT)
                data = b"".join(record.line() for record in made[start:end])
                lengths[path] = _append(path, lengths.get(path, 0), data)
                start = end
        except OSError:
            for touched in lengths:
                if touched.exists():
                    os.truncate(touched, self._lengths.get(touched, 0))
            raise
        self._lengths = {path: lengths[path]}
        return [record.entry for record in made]

    def _grow(self, entries: list[bytes]) -> None:
        for entry in entries:
            number = self._tree.size // TILE_WIDTH
            self._entries.append(entry)
            for level, tile, hashes in self._tree.add(leaf_hash(entry)):
                self._full_tiles.append((tile_path(level, tile), b"".join(hashes)))
            if len(self._entries) == TILE_WIDTH:
                self._full_tiles.append((tile_path("entries", number), bundle(self._entries)))
                self._entries = []

    def _open_tiles(self) -> list[tuple[str, bytes]]:
        count, files = self._tree.size, []
        if self._entries:
            files.append((tile_path("entries", count // TILE_WIDTH, len(self._entries)), bundle(self._entries)))
        for level, hashes in enumerate(self._tree.edge):
            count //= TILE_WIDTH
            if hashes:
                files.append((tile_path(level, count, len(hashes)), b"".join(hashes)))
        return files

    def _write_checkpoint(self, files: list[tuple[str, bytes]], checkpoint: Checkpoint) -> None:
        replace_files([(self.path / name, data) for name, data in files])
        replace_file(self.path / CHECKPOINT, _signed(checkpoint, self._signer))

    def _discard(self, names: list[str]) -> None:
        """Delete partial tiles that a later checkpoint no longer needs; wider ones serve older readers."""
        for name in names:
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
                (self.path / name).parent.rmdir()

    def _recover(self) -> None:
        """Rebuild the tree's edge from the tiles and the records behind the checkpoint."""
        checkpoint = open_checkpoint((self.path / CHECKPOINT).read_bytes(), self.verifier)
        reader = TileReader(self.path, checkpoint.size)
        self._tree = reader.edge()
        if self._tree.root() != checkpoint.root:
            raise _damaged("the tiles do not have the root of the checkpoint")
        held = checkpoint.size % TILE_WIDTH
        raw = reader.read("entries", checkpoint.size // TILE_WIDTH) if held else b""
        self._entries = [raw[at + 2 : at + 2 + HASH_SIZE] for at in range(0, len(raw), HASH_SIZE + 2)]
        self._partial_tiles = [name for name, _ in self._open_tiles()]
        self._clear()
        self._grow(self._unsigned(checkpoint.size))
        path = bodies.segment_path(self.path, self._tree.size)
        self._lengths = {path: path.stat().st_size if path.exists() else 0}

    def _clear(self) -> None:
        """Delete drafts, and partial tiles that the checkpoint does not need: a crash leaves both."""
        for file in [*self.path.glob(".*.new"), *(self.path / "tile").rglob("*")]:
            partial = file.parent.suffix == ".p" and str(file.relative_to(self.path)) not in self._partial_tiles
            if file.name.startswith(".") or (partial and file.is_file()):
                file.unlink()

    def _unsigned(self, signed: int) -> list[bytes]:
        """Entries of the durable records behind the ``signed`` ones; an unfinished last record is put aside."""
        index = signed - signed % SEGMENT
        entries: list[bytes] = []
        for path, offset, record in bodies.scan(self.path, index):
            if record is None and index >= signed:
                self._put_aside(path, offset)
                break
            if record is None:
                raise _damaged(f"record {index} in {path} is damaged")
            if index >= signed:
                entries.append(record.entry)
            index += 1
        if index < signed:
            raise _damaged(f"the bodies end at record {index}, but the checkpoint covers {signed}")
        if any(int(path.stem) > index for path in bodies.segments(self.path)):
            raise _damaged(f"records are missing from {index} on")
        return entries

    def _put_aside(self, path: Path, offset: int) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            self.recovered = self.path / "unfinished" / f"{path.stem}-{offset}-{time.time_ns()}"
            replace_file(self.recovered, file.read())
            file.truncate(offset)
            os.fsync(file.fileno())


def _signed(checkpoint: Checkpoint, signer: Signer) -> bytes:
    text = checkpoint.text()
    return Note(text, (signer.sign(text),)).encode()


def _append(path: Path, length: int, data: bytes) -> int:
    """Append to a file that must have ``length`` bytes; returns its length when ``data`` is on the disk."""
    with path.open("ab", buffering=0) as file:
        if file.tell() != length:
            raise OSError(errno.EIO, f"{path.name} was changed by someone else")
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fdatasync(file.fileno())
    if length == 0:
        sync(path.parent)
    return length + len(data)


def _damaged(what: str) -> LogError:
    return LogError(
        what,
        rule="a log never signs two histories and drops no acknowledged record",
        remedy="appliance audit verify names the damage; restore the log from its copy",
    )
