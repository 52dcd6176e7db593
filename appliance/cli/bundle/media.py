"""`appliance bundle split` and `appliance bundle gather`: a bundle on discs."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import Bundle, Json, RootFingerprint, Trusted, disc_prompt, print_json, size
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.bundle.media.discs import Piece
    from appliance.bundle.media.gather import Gathered

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def split(
    bundle: Bundle,
    out: Annotated[Path, inputs.new_folder_argument("New folder; receives disc-01, disc-02 and labels.html.")],
    *,
    volume_size: Annotated[
        str, inputs.word_option("SIZE", "Capacity of a disc: 4.7GB (DVD), 25GB (BD-R), 650MiB, for example.")
    ],
    root_fingerprint: RootFingerprint,
    as_json: Json = False,
) -> None:
    """Divide a signed bundle over discs; each can be read alone and in any order.

    Example: appliance bundle split bundle discs --volume-size 4.7GB --root-fingerprint 9f3c...
    """
    from appliance.bundle.media.discs import split_bundle  # keeps `appliance --help` quick
    from appliance.trust.furniture import FILE_SYSTEM, JOLIET

    def tell(number: int, piece: "Piece") -> None:
        if not as_json:
            print(f"disc {number}: {size(piece.length):>9}  {piece.path}", flush=True)

    discs = split_bundle(bundle, out, parse_size(volume_size), root_fingerprint, on_piece=tell)
    names = [part for disc in discs for piece in disc for part in piece.path.split("/")]
    long = sorted({name for name in names if len(name) > JOLIET}, key=len)
    if as_json:
        sizes = [{"files": len(disc), "bytes": sum(p.length for p in disc)} for disc in discs]
        print_json({"discs": sizes, "file_system": FILE_SYSTEM, "longer_than_joliet": len(long)})
    else:
        print(f"{len(discs)} discs in {out}; print {out}/labels.html")
        print(f"burn them with {FILE_SYSTEM}", end="")
        print(f": Joliet alone cuts {len(long)} names at {JOLIET} characters, and reading them fails" if long else "")


def gather(
    discs: Annotated[
        list[Path],
        inputs.folder_argument("Where discs are mounted; one drive will do.", check=contents.is_disc, metavar="DISC"),
    ],
    *,
    into: Annotated[Path, inputs.new_folder_option("Folder that becomes the bundle.")],
    root_fingerprint: RootFingerprint,
    trusted: Trusted = None,
    as_json: Json = False,
) -> None:
    """Put a bundle together from its discs, in any order; asks for the next disc when run in a terminal.

    Exit status: 0 complete, 1 refused, 3 discs are still missing.

    Example: appliance bundle gather /media/disc --into bundle --root-fingerprint 9f3c...
    """
    from appliance.bundle.media.gather import MissingDiscsError, gather_discs

    def tell(piece: "Piece", finding: str) -> None:
        if not as_json:
            print(f"{'BAD    ' if finding else 'ok     '} {size(piece.length):>9}  {piece.path}", flush=True)

    states: list[Gathered] = []

    def done(state: "Gathered") -> None:
        states.append(state)
        if not as_json:
            _say(state)

    status = 0
    try:
        ask = None if as_json else disc_prompt()
        gather_discs(discs, into, root_fingerprint, trusted=trusted, on_piece=tell, on_disc=done, ask=ask)
    except MissingDiscsError as error:
        status = error.status
    if as_json:
        findings = [finding for state in states for finding in state.findings]
        print_json(asdict(states[-1]) | {"findings": findings})
    if status:
        raise typer.Exit(status)
    if not as_json:
        print(f"complete; now: appliance bundle verify {into} --root-fingerprint {root_fingerprint}")


def delta(
    new: Bundle,
    out: Annotated[Path, inputs.new_folder_argument("New folder for the smaller bundle.")],
    *,
    since: Annotated[
        Path, inputs.file_option("The bundle that the host has, or its inventory.", check=contents.is_earlier)
    ],
    root_fingerprint: RootFingerprint,
    as_json: Json = False,
) -> None:
    """Write a bundle that carries only what an earlier one does not have; signatures stay as they are.

    Example: appliance bundle delta bundle-2 small --since bundle-1 --root-fingerprint 9f3c...
    """
    from appliance.bundle.read.delta import write_delta
    from appliance.bundle.read.inventory import earlier_of

    carried = write_delta(new, earlier_of(since, root_fingerprint), out, root_fingerprint)
    total = sum(target.length for target in carried)
    if as_json:
        print_json({"files": len(carried), "bytes": total})
    else:
        print(f"{out}: {len(carried)} files, {size(total)}; verify it with --base {since}")


def parse_size(text: str) -> int:
    """Bytes of a size such as ``4.7GB`` or ``650MiB``.

    Raises:
        ApplianceError: not a size.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2].upper() not in _UNITS:
        raise ApplianceError(
            f"{text!r} is not a size",
            rule="a size is a number and B, KB, MB, GB, KiB, MiB or GiB",
            remedy="write for example 4.7GB, 25GB or 650MiB",
        )
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _say(state: "Gathered") -> None:
    for finding in state.findings:
        print(f"REFUSED {finding}")
    print(f"disc {state.number} of {state.count} read", end="; ")
    print(f"still missing: {', '.join(map(str, state.remaining))}" if state.remaining else "nothing is missing")
