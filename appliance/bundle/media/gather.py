"""Put a bundle together from discs, in any order, each read once, and say exactly which disc and file is bad."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.bundle.media.bootstrap import BOOTSTRAP_FILE, check_copy
from appliance.bundle.media.discs import VOLUME_FILE, Piece, VolumeError, pieces_of, plan, read_volume
from appliance.bundle.repository.carry import draft_of
from appliance.bundle.repository.hashing import BUFFER
from appliance.bundle.repository.metadata import list_files
from appliance.errors import ApplianceError
from appliance.trust import canonical, furniture
from appliance.trust.files import open_regular, read_limited, replace_file
from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.hybrid import FILE as HYBRID
from appliance.trust.repository.hybrid import LIMIT
from appliance.trust.repository.metadata import Target

PROGRESS_FILE = "gathering.json"

SAVE_EVERY = 256 << 20
"""Bytes after which arrived pieces are recorded, so that a run that was killed reads no more than these again."""

OnPiece = Callable[[Piece, str], None]


class MissingDiscsError(VolumeError):
    """Nothing is wrong, but more discs are needed."""

    status = 3


@dataclass(frozen=True)
class Gathered:
    """The state after a disc.

    Attributes:
        number: the disc that was read.
        count: how many there are.
        remaining: discs that still hold something that is missing.
        findings: what was wrong on this disc, each naming disc and file.
    """

    number: int
    count: int
    remaining: list[int]
    findings: list[str]


class _Progress(BaseModel):
    """What has arrived. Written only after the bytes are on disk; holds no trust, as all is verified at the end."""

    model_config = ConfigDict(extra="forbid")

    metadata: str
    size: int
    pieces: list[str] = []


def gather_disc(
    disc: Path,
    destination: Path,
    root_fingerprint: str,
    *,
    trusted: Path | None = None,
    now: datetime | None = None,
    on_piece: OnPiece | None = None,
) -> Gathered:
    """Copy what is missing from one disc into ``destination``, hashing it in the same pass; call it for each disc.

    When ``remaining`` is empty, ``destination`` is a bundle: verify it as any other.

    Args:
        disc: where the disc is mounted; only read.
        destination: the folder that becomes the bundle; nothing else is written.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        trusted: the metadata that this host accepted last, or None.
        now: the latest time the host is sure of, UTC.
        on_piece: called as each piece is done, with what is wrong with it or nothing.

    Raises:
        ApplianceError: the disc's metadata does not prove itself, it belongs to another bundle or another set of
            discs, or the destination cannot be written.
    """
    repository = read_repository(disc / "metadata", root_fingerprint, trusted=trusted, now=now)
    volume = read_volume(disc)
    discs = plan(repository, volume.size)
    if len(discs) != volume.count or volume.number > volume.count:
        raise VolumeError(
            f"{disc / VOLUME_FILE}: does not describe a disc of this bundle",
            rule="volume.json says which of how many discs it is",
            remedy="burn this disc again: appliance bundle split",
        )
    name = f"disc {volume.number} of {volume.count}"
    findings = _strays(disc, discs[volume.number - 1], repository.targets, name)
    try:
        progress = _begin(repository, volume.size, destination)
        (destination / "metadata").mkdir(exist_ok=True)
        arrived = set(progress.pieces)
        unsaved = 0
        for piece in discs[volume.number - 1]:
            if piece.path in arrived:
                continue
            finding = _bring(disc, destination, piece)
            if finding:
                findings.append(f"{name}: {finding}")
            else:
                arrived.add(piece.path)
                unsaved += piece.length
            if on_piece:
                on_piece(piece, finding)
            if unsaved >= SAVE_EVERY:
                _save(progress, arrived, destination)
                unsaved = 0
        _save(progress, arrived, destination)
        _finish_files(destination, repository, arrived)
        for name, data in repository.files.items():
            replace_file(destination / "metadata" / name, data)
    except OSError as error:
        raise VolumeError(
            f"{destination}: cannot be written: {error.strerror}", remedy="make room and insert the disc again"
        ) from error
    remaining = [
        number for number, pieces in enumerate(discs, start=1) if any(piece.path not in arrived for piece in pieces)
    ]
    if not remaining:
        (destination / PROGRESS_FILE).unlink(missing_ok=True)
    return Gathered(number=volume.number, count=volume.count, remaining=remaining, findings=findings)


def gather_discs(
    discs: Sequence[Path],
    destination: Path,
    root_fingerprint: str,
    *,
    trusted: Path | None = None,
    on_piece: OnPiece | None = None,
    on_disc: Callable[[Gathered], None] | None = None,
    ask: Callable[[str], None] | None = None,
) -> None:
    """Read one disc after the other into ``destination`` until nothing is missing.

    Args:
        discs: where discs are mounted, in any order; the last one is the drive to read again after asking.
        destination: as for :func:`gather_disc`.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        trusted: the metadata that this host accepted last, or None.
        on_piece: called as each piece is done, with what is wrong with it or nothing.
        on_disc: called as each disc is done.
        ask: told what is wrong or missing, returns when another disc is in the drive; None when there is nobody to ask.

    Raises:
        MissingDiscsError: discs are missing and nobody can insert them; a later call goes on from here.
        ApplianceError: as :func:`gather_disc`, when there is nobody to ask.
    """
    waiting, wanted = list(discs), ""
    while waiting:
        try:
            state = gather_disc(waiting.pop(0), destination, root_fingerprint, trusted=trusted, on_piece=on_piece)
        except ApplianceError as error:
            if ask is None:
                raise
            wanted = error.message
        else:
            if on_disc:
                on_disc(state)
            if not state.remaining:
                return
            numbers = ", ".join(map(str, state.remaining))
            wanted = f"still missing: {numbers} of {state.count}"
            wanted = "; ".join([*state.findings[:3], wanted])
        if ask and not waiting:
            ask(wanted)
            waiting.append(discs[-1])
    raise MissingDiscsError(wanted, remedy="insert one of them and give the same command again; it goes on from here")


def gather_bundle(
    media: Sequence[Path],
    staging: Path,
    root_fingerprint: str,
    *,
    trusted: Path | None = None,
    on_disc: Callable[[Gathered], None] | None = None,
    ask: Callable[[str], None] | None = None,
) -> Path:
    """The bundle on ``media``: a bundle's own folder as it is, or discs gathered into a folder below ``staging``.

    Args:
        media: one bundle's folder, or discs.
        staging: receives ``<version>-<first 8 digits of the root>``; nothing else is written.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        trusted: the metadata that this host accepted last, or None.
        on_disc: as for :func:`gather_discs`.
        ask: as for :func:`gather_discs`.

    Raises:
        ApplianceError: as :func:`gather_discs`.
    """
    if len(media) == 1 and not os.path.lexists(media[0] / VOLUME_FILE):
        return media[0]
    repository = read_repository(media[0] / "metadata", root_fingerprint, trusted=trusted)
    root = repository.root
    destination = staging / f"{repository.version}-{root[:8]}"
    gather_discs(media, destination, root_fingerprint, trusted=trusted, on_disc=on_disc, ask=ask)
    return destination


def _begin(repository: Repository, size: int, destination: Path) -> _Progress:
    """Continue what earlier discs began, or begin; a bundle that was gathered to its end stays as it is."""
    identity = fingerprint(repository.files[HYBRID])
    path = destination / PROGRESS_FILE
    if path.is_file():
        try:
            progress = _Progress.model_validate(canonical.decode(read_limited(path, 64 << 20), str(path)))
        except ValidationError as error:
            raise VolumeError(f"{path}: not readable", remedy=f"remove {destination} and begin again") from error
        if (progress.metadata, progress.size) != (identity, size):
            raise VolumeError(
                f"{destination}: was begun with discs of another bundle or another size",
                remedy="insert a disc of the same set, or choose a new folder",
            )
        return progress
    own = destination / "metadata" / HYBRID
    if own.is_file() and fingerprint(read_limited(own, LIMIT, str(own))) == identity:
        everything = [piece.path for target in repository.targets.values() for piece in pieces_of(target)]
        return _Progress(metadata=identity, size=size, pieces=everything)
    killed_at_once = f".{PROGRESS_FILE}.new"
    if destination.exists() and any(entry.name != killed_at_once for entry in destination.iterdir()):
        raise VolumeError(
            f"{destination}: is not empty and not a bundle that is being gathered",
            rule="discs are gathered into a new folder, or one that they were gathered into before",
            remedy="choose a new folder",
        )
    destination.mkdir(parents=True, exist_ok=True)
    progress = _Progress(metadata=identity, size=size)
    replace_file(path, canonical.encode(progress.model_dump()))
    return progress


def _save(progress: _Progress, arrived: set[str], destination: Path) -> None:
    """Record what has arrived, once it is on disk."""
    os.sync()
    progress.pieces = sorted(arrived)
    replace_file(destination / PROGRESS_FILE, canonical.encode(progress.model_dump()))


def _bring(disc: Path, destination: Path, piece: Piece) -> str:
    """Copy one piece to its place and say what is wrong with it, or nothing."""
    final = destination / "targets" / piece.target.path
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = open_regular(disc / piece.path, piece.path)
    except ApplianceError as error:
        return error.message
    draft = os.open(draft_of(final), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(source).st_size != piece.length:
            return f"{piece.path}: {os.fstat(source).st_size} bytes long, signed are {piece.length}"
        return _pump(source, draft, piece)
    finally:
        os.close(draft)
        os.close(source)


def _pump(source: int, sink: int, piece: Piece) -> str:
    digest, done = hashlib.sha256(), 0
    while done < piece.length:
        try:
            data = os.read(source, min(BUFFER, piece.length - done))
        except OSError as error:
            return f"{piece.path}: cannot be read at byte {done}: {error.strerror}; burn this disc again"
        if not data:
            return f"{piece.path}: ends at byte {done}; burn this disc again"
        digest.update(data)
        written = 0
        while written < len(data):
            written += os.pwrite(sink, data[written:], piece.offset + done + written)
        done += len(data)
    if digest.hexdigest() != piece.sha256:
        return f"{piece.path}: its SHA-256 is not the one that was signed; burn this disc again"
    return ""


def _finish_files(destination: Path, repository: Repository, arrived: set[str]) -> None:
    """Give each target whose pieces have all arrived its name."""
    for target in repository.targets.values():
        final = destination / "targets" / target.path
        draft = draft_of(final)
        if draft.exists() and all(piece.path in arrived for piece in pieces_of(target)):
            draft.replace(final)
        elif draft.exists() and target.chunks is None:
            draft.unlink()


def _strays(disc: Path, pieces: list[Piece], targets: dict[str, Target], name: str) -> list[str]:
    """What lies on the disc without belonging there."""
    expected = {piece.path for piece in pieces} | {VOLUME_FILE, BOOTSTRAP_FILE}
    found = {path for path in list_files(disc) if not path.startswith("metadata/")}
    missing = expected - found
    unlisted = [furniture.unlisted(path, missing) for path in sorted(found - expected) if not furniture.on_top(path)]
    return [f"{name}: {finding}" for finding in (*unlisted, *check_copy(disc, targets))]
