"""An adapter as a file: what it must be before an engine loads it.

Its header names the base that it belongs to, what it was learned from and what limits its readers, so that these go
where the file goes. The digest of the file covers them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from appliance.errors import ApplianceError
from appliance.markings import MarkingError, Restriction
from workbench.tuning.gguf import F32, Header, read_header

PREFIX = "appliance."
BASE, RUN, RESTRICTION, VERSION = (f"{PREFIX}{name}" for name in ("base", "run", "restriction", "version"))
KEYS = frozenset(
    {
        "general.architecture",
        "general.type",
        "general.name",
        "general.alignment",
        "adapter.type",
        "adapter.lora.alpha",
        BASE,
        RUN,
        RESTRICTION,
        VERSION,
    }
)
"""All that the header of an adapter says: no tokenizer, and no template, which an engine would execute."""
MOST_HEADER = 1 << 20
MOST_RANK = 64
RULE = "an adapter is a low-rank adapter of exactly one base (docs/tuning.md, Adapters)"
_NAME = re.compile(r"blk\.\d{1,3}\.(attn_(q|k|v|output)|ffn_(gate|up|down))\.weight\.lora_[ab]")


@dataclass(frozen=True)
class Adapter:
    """What a file says, checked.

    Attributes:
        architecture: of its base.
        base: SHA-256 of the base's file.
        run: the run that made it.
        version: digest of the version of data that it was learned from.
        restriction: what limits the readers of all that it computes.
        rank: of its matrices.
        alpha: its scale times its rank.
    """

    architecture: str
    base: str
    run: str
    version: str
    restriction: Restriction
    rank: int
    alpha: float


def read_adapter(
    file: BinaryIO, name: str, *, base: str, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Adapter:
    """What an open file says of itself, for the base with the digest ``base``.

    Args:
        file: the file.
        name: of it, for errors.
        base: SHA-256 of the base's file, in hexadecimal.
        shapes: dimensions of the base's tensors by name, to which the adapter's must fit.

    Raises:
        ApplianceError: it is no adapter, one of another base, or says more than an adapter may.
    """
    header = read_header(file, name, most=MOST_HEADER)
    if strange := sorted(header.metadata.keys() - KEYS):
        raise _refusal(name, f"its header has {strange[0][:80]!r}, which no adapter has")
    if header.text("general.type") != "adapter" or header.text("adapter.type") != "lora":
        raise _refusal(name, "it is no low-rank adapter")
    if header.text(BASE) != base:
        raise _refusal(name, f"it belongs to the base {header.text(BASE)[:12] or '(none)'}, not to {base[:12]}")
    rank = _rank(header, name, shapes)
    alpha = header.metadata.get("adapter.lora.alpha")
    if not isinstance(alpha, float) or not 0 < alpha <= 1024:
        raise _refusal(name, f"adapter.lora.alpha is {alpha!r}")
    try:
        restriction = Restriction.decode(header.text(RESTRICTION))
    except (MarkingError, ValueError) as error:
        raise _refusal(name, "it does not say what limits its readers") from error
    return Adapter(
        header.text("general.architecture"), base, header.text(RUN), header.text(VERSION), restriction, rank, alpha
    )


def shapes_of(header: Header) -> dict[str, tuple[int, ...]]:
    """The dimensions of a base's tensors by name."""
    return {name: one.shape for name, one in header.tensors.items()}


def _rank(header: Header, name: str, shapes: Mapping[str, tuple[int, ...]] | None) -> int:
    """The rank of all pairs of matrices, each of which fits the matrix that it adapts."""
    ranks: set[int] = set()
    for one in header.tensors.values():
        if not _NAME.fullmatch(one.name) or one.type != F32 or len(one.shape) != 2:
            raise _refusal(name, f"tensor {one.name[:80]!r} is none of an adapter")
        target, _, half = one.name.rpartition(".lora_")
        if f"{target}.lora_{'b' if half == 'a' else 'a'}" not in header.tensors:
            raise _refusal(name, f"tensor {one.name!r} stands alone")
        ranks.add(one.shape[1] if half == "a" else one.shape[0])
        adapted = shapes.get(target) if shapes is not None else None
        if shapes is not None and (adapted is None or one.shape[half == "b"] != adapted[half == "b"]):
            raise _refusal(name, f"tensor {one.name!r} does not fit its base")
    if len(ranks) != 1 or not 1 <= (rank := ranks.pop()) <= MOST_RANK:
        raise _refusal(name, "its matrices have no common rank")
    return rank


def _refusal(name: str, message: str) -> ApplianceError:
    return ApplianceError(f"{name}: {message}", rule=RULE, remedy="export the adapter again from the registry")
