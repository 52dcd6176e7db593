"""Files in which tasks come and answers leave.

A marking goes with every record: in a field where the format has room for one, else in a line or member of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from workbench.exchange import coco, conll, geojson, lines, preference, studio
from workbench.exchange.record import Project, Record

Write = Callable[[Project, Iterable[Record]], Iterator[str]]


@dataclass(frozen=True)
class Format:
    """A format in which a project leaves.

    Attributes:
        title: what people read.
        suffix: of the file.
        media_type: of the response.
        write: the file in pieces.
        kinds: for which kinds; all, if empty.
    """

    title: str
    suffix: str
    media_type: str
    write: Write
    kinds: frozenset[str] = frozenset()


FORMATS = {
    "jsonl": Format("JSON lines", "jsonl", "application/jsonl", lines.write),
    "label-studio": Format("Label Studio JSON", "json", "application/json", studio.write),
    "preference": Format(
        "Preference pairs (JSON lines)",
        "jsonl",
        "application/jsonl",
        preference.write,
        frozenset({"pairwise", "ranking"}),
    ),
    "conll": Format("CoNLL (BIO)", "conll", "text/plain; charset=utf-8", conll.write, frozenset({"spans"})),
    "coco": Format("COCO", "json", "application/json", coco.write, frozenset({"geometry"})),
    "geojson": Format("GeoJSON", "geojson", "application/geo+json", geojson.write, frozenset({"geometry"})),
}


def formats_of(kind: str) -> dict[str, Format]:
    """The formats in which a kind leaves."""
    return {name: one for name, one in FORMATS.items() if not one.kinds or kind in one.kinds}
