"""What operating systems leave on media by themselves: no part of a bundle, and nobody's attack.

Windows, macOS and ext4 make such entries at the top of every writable medium; nothing there is ever read or copied.
Deeper down they stand among signed files, where nothing but what is listed may be, so there they are explained.
"""

import re
from collections.abc import Iterable

from appliance.errors import visible

JOLIET = 64
"""Longest name on a disc with Joliet alone, in UTF-16 units (Joliet Specification, 1995)."""
FILE_SYSTEM = "Rock Ridge or UDF"
BURN = f"burn the disc again with {FILE_SYSTEM}, for example: xorriso -as mkisofs -R -J"
_PLAIN_ISO = re.compile(
    r"([0-9]+_root|root|snapshot|timestam|timestamp|targets|hybrid|hybrid_d\w*)\.jso(;1)?|[0-9]+_root\.json(;1)?",
    re.IGNORECASE,
)
_OWNERS = {
    "Windows": r"System Volume Information|\$RECYCLE\.BIN|RECYCLER|Thumbs\.db|desktop\.ini|IndexerVolumeGuid"
    r"|WPSettings\.dat",
    "macOS": r"\.DS_Store|\._.*|\.Trashes|\.Spotlight-V100|\.fseventsd|\.TemporaryItems|\.apdisk|\.VolumeIcon\.icns"
    r"|\.DocumentRevisions-V100|\.com\.apple\.timemachine\.donotpresent",
    "ext4": r"lost\+found",
    "a Linux desktop": r"\.Trash-[0-9]+",
}
_PATTERNS = {owner: re.compile(pattern, re.IGNORECASE) for owner, pattern in _OWNERS.items()}


def left_by(name: str) -> str | None:
    """The operating system that makes an entry of this name, or None."""
    return next((owner for owner, pattern in _PATTERNS.items() if pattern.fullmatch(name)), None)


def on_top(path: str) -> bool:
    """Whether ``path``, relative to the medium, is or lies in what an operating system leaves at its top."""
    return left_by(path.partition("/")[0]) is not None


def stray(path: str, where: str = "not listed in the signed metadata") -> str:
    """The finding about an entry that should not be there, with its likely origin."""
    owner = next((found for part in path.split("/") if (found := left_by(part))), None)
    return visible(f"{path}: {where}") + (f"; {owner} leaves such entries on media: delete it there" if owner else "")


def plain_iso(names: Iterable[str]) -> bool:
    """Whether the names in a ``metadata`` folder are what plain ISO 9660 makes of them: eight letters, a dot, three."""
    return any(_PLAIN_ISO.fullmatch(name) for name in names)


def cut_from(name: str, missing: Iterable[str]) -> str | None:
    """Which of the ``missing`` names ``name`` is the beginning of, as Joliet cuts it, with its ending or without."""
    if not JOLIET - 8 <= len(name) <= JOLIET:
        return None
    stem = name.rpartition(".")[0] if len(name.rpartition(".")[2]) < 8 else name
    return next((long for long in missing if len(long) > JOLIET and (long.startswith((name, stem)))), None)


def unlisted(path: str, missing: Iterable[str]) -> str:
    """The finding about a file that nobody signed, below a folder where the ``missing`` ones should be."""
    folder, _, name = path.rpartition("/")
    beside = {one.rpartition("/")[2] for one in missing if one.rpartition("/")[0] == folder}
    if (long := cut_from(name, sorted(beside))) is None:
        return stray(path)
    return f"{visible(path)}: is {long}, cut at {JOLIET} characters, as Joliet does without Rock Ridge; {BURN}"
