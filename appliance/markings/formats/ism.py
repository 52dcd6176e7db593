"""Markings as JSON with the attribute names of IC-ISM."""

from collections.abc import Callable, Mapping

from appliance.markings.errors import MarkingError
from appliance.markings.marking import Marking
from appliance.markings.reading.parse import examine
from appliance.markings.reading.parts import Parts
from appliance.markings.vocabulary import Vocabulary, default

VERSION = "1"
CUI_COMPLIANCE = "USA-CUI"

_LISTS = {
    "ownerProducer": "owner_producer",
    "SCIcontrols": "sci_controls",
    "SARIdentifier": "sar_identifier",
    "atomicEnergyMarkings": "atomic_energy_markings",
    "nonUSControls": "non_us_controls",
    "FGIsourceOpen": "fgi_source_open",
    "disseminationControls": "dissemination_controls",
    "releasableTo": "releasable_to",
    "displayOnlyTo": "display_only_to",
    "nonICmarkings": "non_ic_markings",
}
INFORMATIVE = {
    "DESVersion", "ISMCATCESVersion", "CESVersion", "resourceElement", "createDate", "excludeFromRollup", "exemptFrom",
    "noticeType", "noticeReason", "noticeDate", "unregisteredNoticeType", "externalNotice", "pocType",
    "hasApproximateMarkings", "classifiedBy", "derivativelyClassifiedBy", "classificationReason", "derivedFrom",
    "compilationReason", "declassDate", "declassEvent", "declassException", "typeOfExemptedSource",
    "dateOfExemptedSource", "noAggregation", "highWaterNATO", "cuiControlledBy", "cuiControlledByOffice", "cuiPOC",
    "cuiDecontrolDate", "cuiDecontrolEvent",
}  # fmt: skip
"""Attributes that say nothing about who may read; secondBannerLine and handleViaChannels are not among them."""
_CUI = {"cuiSpecified", "cuiBasic", "compliesWith"}
_KNOWN = {"version", "classification", "FGIsourceProtected", *_LISTS, *_CUI}


def to_ism(marking: Marking) -> dict[str, object]:
    """The ISM attributes of a marking; lists that are empty are left out. What repeats a banner is NOFORN here."""
    marking = marking.known if marking.repeats else marking
    ism: dict[str, object] = {"version": VERSION, "classification": marking.classification}
    for name, attribute in _LISTS.items():
        if values := getattr(marking, attribute):
            ism[name] = list(values)
    if marking.fgi_source_protected:
        ism["FGIsourceProtected"] = ["FGI"]
    if marking.cui:
        ism["compliesWith"] = [CUI_COMPLIANCE]
        specified = [name.removeprefix("SP-") for name in marking.cui_categories if name.startswith("SP-")]
        basic = [name for name in marking.cui_categories if not name.startswith("SP-")]
        ism |= {name: values for name, values in (("cuiSpecified", specified), ("cuiBasic", basic)) if values}
    return ism


def from_ism(ism: Mapping[str, object], vocabulary: Vocabulary | None = None) -> Marking:
    """The marking that these ISM attributes describe.

    Raises:
        MarkingError: an attribute or a value is unknown (rule ``ism-json``), or the marking breaks a rule.
    """
    vocabulary = vocabulary or default()

    def wrong(message: str) -> MarkingError:
        return MarkingError("", (vocabulary.violation("ism-json", (0, 0), message),))

    ism = _known(ism, wrong)
    level, owners = ism.get("classification"), _strings(ism, "ownerProducer", wrong)
    if not isinstance(level, str) or level not in vocabulary.level_order or not owners:
        raise wrong("classification (one of its levels) and ownerProducer are mandatory")
    parts = Parts(
        classification=level,
        owners=owners,
        nonus=_strings(ism, "nonUSControls", wrong),
        sci=_strings(ism, "SCIcontrols", wrong),
        sap=[name if name == "HVSACO" else f"SAR-{name}" for name in _strings(ism, "SARIdentifier", wrong)],
        aea=_strings(ism, "atomicEnergyMarkings", wrong),
        dissem=_strings(ism, "disseminationControls", wrong),
        other=_strings(ism, "nonICmarkings", wrong),
        fgi=_strings(ism, "FGIsourceOpen", wrong),
        concealed=bool(_strings(ism, "FGIsourceProtected", wrong)),
        rel=_strings(ism, "releasableTo", wrong),
        display=_strings(ism, "displayOnlyTo", wrong),
    )
    specified = [f"SP-{name}" for name in _strings(ism, "cuiSpecified", wrong)]
    basic = _strings(ism, "cuiBasic", wrong)
    if strange := sorted({*basic} - {*vocabulary.basic}):
        raise wrong(f"{strange[0]} is no basic category of CUI")
    categories = [*specified, *basic]
    complies = CUI_COMPLIANCE in _strings(ism, "compliesWith", wrong)
    if categories and not complies:
        raise wrong(f"CUI categories need compliesWith {CUI_COMPLIANCE}")
    parts.cui = ["CUI", *categories] if complies else []
    if parts.concealed and parts.fgi:
        raise wrong("FGIsourceProtected conceals FGIsourceOpen: give one of them")
    for token, codes in (("REL", parts.rel), ("DISPLAYONLY", parts.display)):
        if (token in parts.dissem) != bool(codes):
            raise wrong(f"{token} and its list of nations belong together")
    return confirmed(parts, vocabulary, wrong)


def _known(ism: Mapping[str, object], wrong: Callable[[str], MarkingError]) -> Mapping[str, object]:
    """The attributes, unwrapped; all of them are known."""
    wrapped = ism.get("ism")
    ism = wrapped if isinstance(wrapped, Mapping) else ism
    if unknown := sorted(set(ism) - _KNOWN - INFORMATIVE):
        raise wrong(f"unknown attribute {unknown[0]}")
    if ism.get("version", VERSION) != VERSION:
        raise wrong(f"version {ism['version']!r} is not {VERSION!r}")
    return ism


def confirmed(parts: Parts, vocabulary: Vocabulary, wrong: Callable[[str], MarkingError]) -> Marking:
    """The marking of these parts when its banner, read again, is the same valid marking.

    Args:
        parts: tokens from elsewhere.
        vocabulary: the words.
        wrong: makes the error of the format that they came in.

    Raises:
        MarkingError: a token is unknown, or the marking breaks a rule.
    """
    try:
        marking = parts.marking(vocabulary)
        banner = marking.banner
    except (KeyError, IndexError) as error:
        raise wrong(f"{error.args[0]!r} is no known token") from error
    read, violations = examine(banner, vocabulary)
    if violations:
        raise MarkingError(banner, tuple(violations))
    if read != marking:
        raise wrong(f"the parts say more than their banner {banner}")
    return marking


def _strings(ism: Mapping[str, object], name: str, wrong: Callable[[str], MarkingError]) -> list[str]:
    values = ism.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise wrong(f"{name} is a list of texts")
    return list(values)
