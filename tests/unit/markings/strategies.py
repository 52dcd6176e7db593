"""Random valid markings, of every kind that the grammar knows, and random texts that look like markings."""

from dataclasses import replace

from hypothesis import strategies as st

from appliance.markings import Marking
from appliance.markings.parts import Parts
from appliance.markings.rules import check as check_rules
from appliance.markings.vocabulary import default

VOCABULARY = default()
NATIONS = ["CAN", "DEU", "FRA", "GBR", "NATO", "FVEY", "UN"]
SCI = ["SI", "SI-ABC", "SI-G", "SI-G-ABCD", "TK", "TK-XYZ-HELLO", "HCS", "RSV-ABC", "KDK-IDIT"]
AEA = ["RD", "RD-CNWDI", "RD-SG-14", "RD-SG-18", "FRD", "FRD-SG-20", "TFNI"]
DISSEM = ["RS", "OC", "OC-USGOV", "IMC", "PR", "DSEN", "FISA", "FED_ONLY", "NOCON", "WAIVED"]
OTHER = ["DS", "XD", "ND", "LES", "SSI", "ACCM-DAISY", "ACCM-ROSE", "NNPI"]
CUI = ["SP-CTI", "SP-PROPIN", "EXPT", "PRVCY", "OPSEC"]


def some(tokens: list[str], most: int = 2, least: int = 0) -> st.SearchStrategy[list[str]]:
    """Between ``least`` and ``most`` tokens; repetitions count, so that there may be fewer."""
    return st.lists(st.sampled_from(tokens), min_size=least, max_size=most).map(lambda some: sorted({*some}))


@st.composite
def _parts(draw: st.DrawFn) -> Parts:
    owners = draw(
        st.sampled_from([("USA",), ("USA",), ("USA",), ("USA",), ("CAN", "USA"), ("DEU", "FRA"), ("NATO",), ("DEU",)])
    )
    level = draw(st.sampled_from(["U", "C", "S", "TS"] if "USA" in owners else ["U", "R", "C", "S", "TS"]))
    parts = Parts(classification=level, owners=owners)
    high = level in {"S", "TS"}
    sci = [token for token in SCI if high and (level == "TS" or "-G" not in token)]
    parts.sci = draw(some(sci)) if sci else []
    parts.sap = draw(some(["SAR-ALPHA", "SAR-BRAVO", "SAR-DELTA ECHO", "HVSACO"])) if level != "U" else []
    parts.aea = draw(some(AEA)) if high else draw(some(["DCNI", "UCNI"], 1)) if level == "U" else []
    parts.fgi = draw(some(["CAN", "DEU", "NATO"])) if level != "U" else []
    parts.concealed = level != "U" and draw(st.integers(0, 9)) == 0
    if "USA" in owners:
        parts.cui = [*draw(st.sampled_from([[], [], ["CUI"]]))]
        parts.cui += draw(some(CUI)) if parts.cui else []
    dissem = [token for token in DISSEM if high or token not in {"RS", "IMC", "OC", "OC-USGOV"}]
    parts.dissem = draw(some(dissem))
    if level == "U" and not parts.cui:
        parts.dissem += draw(some(["FOUO"], 1))
    parts.other = draw(some([*OTHER, *(["SBU", "SBU-NF", "LES-NF"] if level == "U" else [])], 1))
    release = draw(st.sampled_from(["", "NF", "REL", "RELIDO", "DISPLAY", "REL DISPLAY", "REL RELIDO"]))
    if {"SI-G", "SI-G-ABCD"} & {*parts.sci}:
        parts.dissem.append("OC")
    if {"HCS", "KDK-IDIT"} & {*parts.sci} or {"XD", "ND"} & {*parts.other}:
        release = "NF"
    if parts.sci and not release:
        release = "NF"
    if "NATO" in owners and release == "NF":
        release = "RELIDO"
    parts.dissem += [token for token in ("NF", "RELIDO") if token in release.split()]
    if "REL" in release.split():
        parts.rel = ["USA", *draw(some(NATIONS, 3, 1))]
    if "DISPLAY" in release:
        parts.display = draw(some(["FRA", "DEU", "ITA"], 2, 1))
    return parts


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
    some([*DISSEM, "FOUO", "NF", "RELIDO", "REL", "DISPLAYONLY"], 3),
)
"""Markings that break rules, most of them."""

_PIECES = [
    *VOCABULARY.words,
    *VOCABULARY.prefixes,
    *VOCABULARY.level_words,
    *["//", "/", ", ", " ", "-", "(", ")", "CUI", "CONTROLLED", "FGI", "JOINT ", "USA", "GBR", "NATO", "SP-CTI", "CTI"],
    *["14", "ABC", "", "é", "\x00", "\N{CYRILLIC CAPITAL LETTER A}", "nf", "🛈", "\N{LATIN SMALL LIGATURE FI}"],
]
soup: st.SearchStrategy[str] = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join) | st.text(max_size=60)
