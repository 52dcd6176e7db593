"""Random valid markings, of every kind that the grammar knows, and random texts that look like markings."""

from dataclasses import replace

from hypothesis import strategies as st

from appliance.markings import Marking
from appliance.markings.reading.parts import Parts
from appliance.markings.reading.rules import check as check_rules
from appliance.markings.vocabulary import default

VOCABULARY = default()
NATIONS = ["CAN", "DEU", "FRA", "GBR", "NATO", "FVEY", "UN", "KFOR"]
SCI = ["SI", "TK", "TK-XYZ-HELLO", "HCS", "HCS-P", "RSV-ABC", "KDK-IDIT", "TK-IDIT", "TK-KAND-AB1"]
TOP_SCI = ["SI-ABC", "SI-EU", "SI-G", "SI-G-ABCD", "TK-BLFH", "HCS-O", "HCS-P-JJJ"]
NOFORN_SCI = {"HCS", "HCS-P", "HCS-O", "HCS-P-JJJ", "KDK-IDIT", "TK-IDIT", "TK-KAND-AB1", "TK-BLFH"}
SAP = ["SAR-ALPHA", "SAR-BRAVO", "SAR-DELTA ECHO", "SAR-BRAVO-J12-K1", "SAR-BRAVO-K15", "HVSACO"]
AEA = [["RD", "RD-CNWDI", "RD-SG-14", "RD-SG-18"], ["FRD", "FRD-SG-20", "FRD-SG-14"], ["TFNI"]]
DISSEM = ["RS", "OC", "OC-USGOV", "IMC", "PR", "DSEN", "FISA", "WAIVED"]
OF_CUI = ["FED_ONLY", "NOCON", "DL_ONLY", "AC"]
OTHER = ["DS", "XD", "ND", "LES", "SSI", "ACCM-DAISY", "ACCM-ROSE GARDEN", "NNPI"]
CUI = ["SP-CTI", "SP-PROPIN", "EXPT", "PRVCY", "OPSEC", "PRIVILEGE"]
OWNERS = [("CAN", "USA"), ("DEU", "FRA"), ("NATO",), ("NATO:KFOR",), ("DEU",), ("FGI",)]


def some(tokens: list[str], most: int = 2, least: int = 0) -> st.SearchStrategy[list[str]]:
    """Between ``least`` and ``most`` tokens; repetitions count, so that there may be fewer."""
    return st.lists(st.sampled_from(tokens), min_size=least, max_size=most).map(lambda some: sorted({*some}))


@st.composite
def _parts(draw: st.DrawFn) -> Parts:
    owners = draw(st.sampled_from([("USA",)] * 6 + OWNERS))
    levels = ["U", "C", "S", "TS"] if "USA" in owners else ["U", "R", "C", "S", *["TS"] * (owners != ("NATO:KFOR",))]
    level = draw(st.sampled_from(levels))
    parts = Parts(classification=level, owners=owners)
    _draw_sources(draw, parts)
    high = level in {"S", "TS"}
    parts.sci = draw(some([*SCI, *(TOP_SCI if level == "TS" else [])])) if high else []
    parts.sap = draw(some(SAP)) if level != "U" else []
    ucni = draw(some(["DCNI", "UCNI"], 1)) if level == "U" else []
    parts.aea = draw(some(draw(st.sampled_from(AEA)))) if high else ucni
    if "USA" in owners:
        parts.cui = [*draw(st.sampled_from([[], [], ["CUI"]]))]
        parts.cui += draw(some(CUI)) if parts.cui else []
    dissem = [token for token in DISSEM if high or token not in {"RS", "IMC", "OC", "OC-USGOV"}]
    parts.dissem = draw(some(dissem)) + (draw(some(OF_CUI, 1)) if parts.cui else [])
    if level == "U" and not parts.cui:
        parts.dissem += draw(some(["FOUO"], 1))
    parts.other = draw(some([*OTHER, *(["SBU", "SBU-NF", "LES-NF"] if level == "U" else [])], 1))
    _draw_release(draw, parts)
    return parts


def _draw_sources(draw: st.DrawFn, parts: Parts) -> None:
    """Foreign sources, and the controls of NATO that they allow."""
    classified, high = parts.classification != "U", parts.classification in {"S", "TS"}
    parts.fgi = draw(some(["CAN", "DEU", "NATO"])) if classified else []
    parts.concealed = classified and draw(st.integers(0, 9)) == 0
    if parts.owners == ("USA",) and ("NATO" in parts.fgi or parts.concealed) and high:
        parts.nonus = draw(some(["ATOMAL", *(["BALK", "BOHEMIA"] if parts.classification == "TS" else [])]))
    elif parts.owners == ("NATO",) and parts.classification in {"C", "S", "TS"}:
        parts.nonus = draw(some(["ATOMAL"], 1))


def _draw_release(draw: st.DrawFn, parts: Parts) -> None:
    """A release that fits the controls and the owners; what others do not fit is filtered."""
    owners = tuple(parts.owners)
    release = draw(st.sampled_from(["", "NF", "REL", "RELIDO", "DISPLAY", "REL DISPLAY", "REL RELIDO"]))
    if {"SI-G", "SI-G-ABCD", "HCS-O", "HCS-P-JJJ"} & {*parts.sci}:
        parts.dissem.append("OC")
    if {"XD", "ND"} & {*parts.other} or NOFORN_SCI & {*parts.sci} or (parts.sci and not release):
        release = "NF"
    if owners[0].startswith("NATO") and release == "NF":
        release = "RELIDO"
    if len(owners) > 1 and "USA" in owners:
        release = "REL"
    parts.dissem += [token for token in ("NF", "RELIDO") if token in release.split()]
    if "REL" in release.split():
        parts.rel = ["USA", *draw(some(NATIONS, 3, 1)), *(owners if owners[-1] == "USA" else ())]
    if "DISPLAY" in release:
        parts.display = draw(some(["FRA", "DEU", "ITA"], 2, 1))


markings: st.SearchStrategy[Marking] = (
    _parts().map(lambda parts: parts.marking(VOCABULARY)).filter(lambda marking: not check_rules(marking, []))
)

candidates: st.SearchStrategy[Marking] = st.builds(
    lambda marking, level, owners, controls: replace(
        marking, classification=level, owner_producer=owners, dissemination_controls=tuple(controls)
    ),
    markings,
    st.sampled_from(list(VOCABULARY.level_order)),
    st.sampled_from([("USA",), ("NATO",), ("DEU",), ("CAN", "USA")]),
    some([*DISSEM, *OF_CUI, "FOUO", "NF", "RELIDO", "REL", "DISPLAYONLY"], 3),
)
"""Markings that break rules, most of them."""

_PIECES = [
    *VOCABULARY.words,
    *VOCABULARY.prefixes,
    *VOCABULARY.level_words,
    *["//", "/", ", ", " ", "-", "(", ")", "CUI", "CONTROLLED", "FGI", "JOINT ", "USA", "GBR", "NATO", "SP-CTI", "CTI"],
    *[
        "14",
        "ABC",
        "",
        "REL",
        "KFOR",
        "BP-J12",
        "GAMMA",
        "EYES ONLY",
        "GER",
        "FGI S",
        "NIS",
        "é",
        "\x00",
        "\N{CYRILLIC CAPITAL LETTER A}",
        "nf",
        "🛈",
        "\N{LATIN SMALL LIGATURE FI}",
    ],
]
soup: st.SearchStrategy[str] = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join) | st.text(max_size=60)


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    """The text of a marking with a few pieces left out, replaced or put in."""
    marking = draw(markings)
    text = draw(st.sampled_from([marking.banner, marking.portion, f"({marking.portion})"]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + draw(st.sampled_from(["", "", "", "/", "//", " ", "X", *_PIECES])) + text[end:]
    return text


damaged: st.SearchStrategy[str] = _damaged()
