"""Divide a bundle over discs: every disc has the full signed metadata, and nothing on it needs a new signature.

Which file lies on which disc follows from the signed metadata and the size of a disc alone, so a reader knows it from
any one disc. Large files travel in the pieces whose digests are signed.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.bundle.media.bootstrap import BOOTSTRAP_FILE, KINDS_FIRST
from appliance.bundle.repository.hashing import BUFFER
from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical
from appliance.trust.files import open_regular, read_limited
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.metadata import Target

VOLUME_FILE = "volume.json"
SECTOR = 2048
RESERVE = 4 << 20


class VolumeError(ApplianceError):
    """Discs that cannot be made or read."""


class Volume(BaseModel):
    """``volume.json``: which disc this is. Unsigned: it only helps to find the disc; nothing is trusted because of it.

    Attributes:
        number: this disc, from 1.
        count: how many discs there are.
        size: capacity in bytes for which the discs were planned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: Annotated[int, Field(ge=1, le=10_000)]
    count: Annotated[int, Field(ge=1, le=10_000)]
    size: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Piece:
    """What travels as one file on a disc: a whole target, or one piece of a large one.

    Attributes:
        target: the target it belongs to.
        index: number of the piece, or None for a whole target.
        offset: where it begins in the target.
        length: its bytes.
        sha256: its signed digest.
    """

    target: Target
    index: int | None
    offset: int
    length: int
    sha256: str

    @property
    def path(self) -> str:
        """Where it lies on the disc."""
        if self.index is None:
            return f"targets/{self.target.path}"
        return f"pieces/{self.target.sha256}/{self.index:04d}"


def pieces_of(target: Target) -> Iterator[Piece]:
    """The pieces of a target, in order."""
    if target.chunks is None:
        yield Piece(target, None, 0, target.length, target.sha256)
        return
    for index, digest in enumerate(target.chunks.sha256):
        offset = index * target.chunks.size
        yield Piece(target, index, offset, min(target.chunks.size, target.length - offset), digest)


def plan(repository: Repository, size: int) -> list[list[Piece]]:
    """What lies on each disc of ``size`` bytes; the same for every reader of the same metadata.

    What a bare host begins with comes first, so that it is all on the first disc.

    Raises:
        VolumeError: a disc is too small for the metadata and the largest piece.
    """
    metadata = RESERVE + sum(_on_disc(len(data)) for data in repository.files.values())
    pieces = [piece for target in repository.targets.values() for piece in pieces_of(target)]
    pieces.sort(key=lambda piece: (piece.target.custom.kind not in KINDS_FIRST, -piece.length, piece.path))
    discs: list[list[Piece]] = []
    room: list[int] = []
    first = 0
    for piece in pieces:
        needed = _on_disc(piece.length)
        if metadata + needed > size:
            raise VolumeError(
                f"{piece.path}: its {piece.length} bytes and the metadata do not fit on a disc of {size} bytes",
                remedy="take larger discs",
            )
        number = next((number for number in range(first, len(room)) if room[number] >= needed), None)
        if number is None:
            discs.append([])
            room.append(size - metadata)
            number = len(discs) - 1
        discs[number].append(piece)
        room[number] -= needed
        while first < len(room) and room[first] < 2 * SECTOR:
            first += 1
    return [sorted(disc, key=lambda piece: piece.path) for disc in discs] or [[]]


def split_bundle(
    bundle: Path, out: Path, size: int, root_fingerprint: str, *, on_piece: Callable[[int, Piece], None] | None = None
) -> list[list[Piece]]:
    """Write one folder a disc below ``out``: ``disc-01``, ``disc-02`` and so on, and a page of labels and checksums.

    Whole files are hard links where the file system allows it; pieces are checked while they are copied.

    Args:
        bundle: the signed bundle.
        out: a folder that is absent or empty.
        size: bytes of a disc.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        on_piece: called with the disc's number as each piece is done.

    Raises:
        ApplianceError: the metadata does not prove itself, a file is not what was signed, or there is no room.
    """
    repository = read_repository(bundle / "metadata", root_fingerprint)
    _require_whole(bundle, repository)
    discs = plan(repository, size)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise VolumeError(f"{out}: is not empty", remedy="choose a new folder")
    try:
        for number, disc in enumerate(discs, start=1):
            folder = disc_folder(out, number)
            (folder / "metadata").mkdir(parents=True)
            for name, data in repository.files.items():
                (folder / "metadata" / name).write_bytes(data)
            volume = Volume(number=number, count=len(discs), size=size)
            (folder / VOLUME_FILE).write_bytes(canonical.encode(volume.model_dump()))
            if BOOTSTRAP_FILE in repository.targets:
                shutil.copyfile(bundle / "targets" / BOOTSTRAP_FILE, folder / BOOTSTRAP_FILE, follow_symlinks=False)
            for piece in disc:
                _put(bundle, folder, piece)
                if on_piece:
                    on_piece(number, piece)
    except OSError as error:
        raise VolumeError(f"{out}: cannot be written: {error.strerror}", remedy="make room and begin again") from error
    (out / "labels.html").write_text(_labels(repository, discs))
    return discs


def _require_whole(bundle: Path, repository: Repository) -> None:
    """Refuse a delta: which file lies on which disc follows from the metadata, which lists the whole bundle."""
    lacks = [path for path in repository.targets if not os.path.lexists(bundle / "targets" / path)]
    if lacks:
        raise VolumeError(
            f"{bundle}: lacks {len(lacks)} of {len(repository.targets)} files, among them targets/{lacks[0]}",
            rule="a whole bundle is divided over discs; a delta travels as one folder",
            remedy="put the delta's folder on one medium as it is, or split the whole bundle",
        )


def read_volume(disc: Path) -> Volume:
    """The ``volume.json`` of a disc.

    Raises:
        ApplianceError: absent, or not in its form.
    """
    data = read_limited(disc / VOLUME_FILE, 4096)
    try:
        return Volume.model_validate(canonical.decode_canonical(data, str(disc / VOLUME_FILE)))
    except ValidationError as error:
        raise VolumeError(
            f"{disc / VOLUME_FILE}: {first_finding(error)}",
            rule="volume.json says which of how many discs it is",
            remedy="burn this disc again: appliance bundle split",
        ) from error


def disc_folder(out: Path, number: int) -> Path:
    """Where disc ``number`` is written."""
    return out / f"disc-{number:02d}"


def _on_disc(length: int) -> int:
    """Bytes that a file takes on a disc, its directory entry included."""
    return -(-length // SECTOR) * SECTOR + 2 * SECTOR


def _put(bundle: Path, folder: Path, piece: Piece) -> None:
    source, sink = bundle / "targets" / piece.target.path, folder / piece.path
    sink.parent.mkdir(parents=True, exist_ok=True)
    if piece.index is None:
        os.close(open_regular(source))
        try:
            sink.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, sink, follow_symlinks=False)
        digest = _digest(sink)
    else:
        digest = _copy_range(source, sink, piece)
    if digest != piece.sha256:
        raise VolumeError(
            f"targets/{piece.target.path}: not what was signed", remedy="see `appliance bundle verify`; build again"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy_range(source: Path, sink: Path, piece: Piece) -> str:
    digest, left = hashlib.sha256(), piece.length
    with os.fdopen(open_regular(source), "rb") as reader, sink.open("xb") as writer:
        reader.seek(piece.offset)
        while left and (data := reader.read(min(BUFFER, left))):
            digest.update(data)
            writer.write(data)
            left -= len(data)
    return digest.hexdigest()


def _labels(repository: Repository, discs: list[list[Piece]]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # only this page needs it

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("labels.html.j2").render(repository=repository, discs=discs, root=repository.root)
