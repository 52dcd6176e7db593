"""Security fields of NITF 2.0, NITF 2.1 and NSIF 1.0, both ways (MIL-STD-2500A, MIL-STD-2500C, STANAG 4545).

The fields are small. A marking that they cannot hold also stands in the classification text (CLTX), as a portion mark,
or in a SECURA extension, as ISM attributes (STDI-0002); what is read from one of them must agree with the others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from appliance.markings.errors import MarkingError
from appliance.markings.formats.ism import confirmed
from appliance.markings.formats.ism_xml import read_ism_xml, to_ism_attributes
from appliance.markings.marking import HANDLE_VIA_SAP, RELEASE, Marking
from appliance.markings.reading.parse import examine
from appliance.markings.reading.parts import Parts
from appliance.markings.vocabulary import Vocabulary, default

LAYOUTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "2.1": (
        ("CLAS", 1), ("CLSY", 2), ("CODE", 11), ("CTLH", 2), ("REL", 20), ("DCTP", 2), ("DCDT", 8), ("DCXM", 4),
        ("DG", 1), ("DGDT", 8), ("CLTX", 43), ("CATP", 1), ("CAUT", 40), ("CRSN", 1), ("SRDT", 8), ("CTLN", 15),
    ),
    "2.0": (("CLAS", 1), ("CODE", 40), ("CTLH", 40), ("REL", 40), ("CAUT", 20), ("CTLN", 20), ("DWNG", 6)),
}  # fmt: skip
"""Names, without the letter of the segment, and widths; NSIF 1.0 is as 2.1."""

_LEVELS = {"T": "TS", "S": "S", "C": "C", "R": "R", "U": "U"}
_SYSTEMS = {"US": "USA", "XN": "NATO"}
_HANDLING = {
    "AT": "ATOMAL", "CN": "RD-CNWDI", "FO": "FOUO", "PI": "PR", "RD": "RD", "RF": "FRD", "UO": "NF",
}  # fmt: skip
"""Digraphs of the control and handling field that are not portion marks themselves (MIL-STD-2500C, Table A-4)."""

_WORDS = re.compile(r"[A-Z0-9]+")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NitfSecurity:
    """The security fields of a file or segment.

    Attributes:
        version: 2.1 (NSIF 1.0 too) or 2.0.
        fields: values without trailing spaces, by name without the letter of the segment: CLAS, CODE, REL ...
        secura: the ISM element of a SECURA extension, when there is one.
    """

    version: str
    fields: Fields = field(default_factory=dict)
    secura: bytes = b""

    def pack(self) -> bytes:
        """The fields as they stand in the file.

        Raises:
            ValueError: a value is longer than its field.
        """
        packed = []
        for name, width in _layout(self.version, self.fields):
            value = self.fields.get(name, "")
            if len(value) > width:
                raise ValueError(f"{name} has {len(value)} characters, more than {width}")
            packed.append(value.ljust(width))
        return "".join(packed).encode("ascii", errors="strict")

    @classmethod
    def unpack(cls, data: bytes, version: str = "2.1") -> "NitfSecurity":
        """The fields at the beginning of ``data``.

        Raises:
            ValueError: the data is shorter than the fields, or not ASCII.
        """
        text, fields, start = data.decode("ascii", errors="strict"), dict[str, str](), 0
        for name, width in _layout(version, fields):
            value = text[start : start + width]
            if len(value) < width:
                raise ValueError("the security fields are cut off")
            fields[name] = value.rstrip(" ")
            start += width
        return cls(version, fields)


def to_nitf(marking: Marking, version: str = "2.1") -> NitfSecurity:
    """The security fields that say what the marking says; what does not fit stands in the SECURA extension."""
    marking = marking.known if marking.repeats else marking
    systems = marking.portion.split("//")[1] if marking.us and marking.sci_controls else ""
    codes = {
        "CLAS": next(code for code, level in _LEVELS.items() if level == marking.classification),
        "CLSY": next((code for code, owner in _SYSTEMS.items() if marking.owner_producer == (owner,)), ""),
        "CODE": systems,
        "REL": " ".join(marking.releasable_to),
        "CLTX": marking.portion,
    }
    if version == "2.0" and marking.us:
        codes["CTLH"] = _handling(marking)
    elif marking.dissemination_controls == ("NF",):
        codes["CTLH"] = "NF"
    widths = dict(LAYOUTS[version])
    fields = {name: value for name, value in codes.items() if len(value) <= widths.get(name, 0)}
    whole = "CLTX" in fields or (version == "2.0" and marking.us and {"CODE", "REL", "CTLH"} <= fields.keys())
    attributes = "".join(f' {name}="{value}"' for name, value in to_ism_attributes(marking).items())
    element = f'<arh:Security xmlns:arh="urn:us:gov:ic:arh" xmlns:ism="urn:us:gov:ic:ism"{attributes}/>'
    return NitfSecurity(version, fields, b"" if whole else element.encode())


def from_nitf(security: NitfSecurity, vocabulary: Vocabulary | None = None) -> Marking:
    """The marking that security fields describe.

    A classified marking without any release is read as NOFORN where its systems demand that one be stated.

    Raises:
        MarkingError: a field is not known, fields contradict each other (rule ``nitf``), or the marking breaks a rule.
    """
    vocabulary = vocabulary or default()
    fields = {name: value.strip() for name, value in security.fields.items()}
    whole = _whole(security, fields, vocabulary)
    if whole is None:
        return _said(fields, vocabulary)
    _agree(fields, whole, vocabulary)
    return whole


def _agree(fields: Fields, whole: Marking, vocabulary: Vocabulary) -> None:
    """Refuse fields that say something else than the marking in full."""
    differing = _level(fields, vocabulary) != whole.classification
    owner = _system(fields, vocabulary)
    differing |= bool(owner) and whole.owner_producer != (owner,)
    differing |= bool(fields.get("REL")) and set(_release(fields, vocabulary)) != set(whole.releasable_to)
    for found in _controls(fields, vocabulary):
        differing |= any(not {*getattr(found, name)} <= {*getattr(whole, name)} for name in _COMPARED)
    if differing:
        raise _wrong(
            f"the fields contradict the classification text or extension, which says {whole.portion}", vocabulary
        )


_COMPARED = (
    "sci_controls", "sar_identifier", "atomic_energy_markings", "non_us_controls", "cui_categories",
    "dissemination_controls", "non_ic_markings", "fgi_source_open",
)  # fmt: skip


def _whole(security: NitfSecurity, fields: Fields, vocabulary: Vocabulary) -> Marking | None:
    """The marking that SECURA or the classification text says in full, if one does."""
    text = fields.get("CLTX", "")
    marking, violations = examine(text, vocabulary) if text else (None, [])
    if marking is not None and violations:
        raise MarkingError(text, tuple(violations))
    if marking is None and (named := _named(text, fields, vocabulary)):
        raise _wrong(f"the classification text names {named}, and is no marking", vocabulary)
    if not security.secura:
        return marking
    extension = read_ism_xml(security.secura, vocabulary).resource
    if extension is None:
        raise _wrong("the SECURA extension has no marking", vocabulary)
    if marking is not None and marking != extension:
        raise _wrong(f"the classification text contradicts the extension, which says {extension.portion}", vocabulary)
    return extension


def _named(text: str, fields: Fields, vocabulary: Vocabulary) -> str:
    """A level above that of the fields, or a control, that a text without the form of a marking names; else empty."""
    words = f" {' '.join(_WORDS.findall(text.upper()))} "
    order, level = vocabulary.level_order, _level(fields, vocabulary)
    higher = (name for name, word in vocabulary.level_words.items() if order[word.token] > order[level])
    named = (name for name in (*higher, *vocabulary.words) if f" {' '.join(_WORDS.findall(name))} " in words)
    return max(named, key=len, default="")


def _said(fields: Fields, vocabulary: Vocabulary) -> Marking:
    """The marking of the small fields alone."""
    owner = _system(fields, vocabulary) or vocabulary.nation
    parts = Parts(classification=_level(fields, vocabulary), owners=(owner,))
    for found in _controls(fields, vocabulary):
        parts.sci += found.sci_controls
        parts.sap += [name if name == HANDLE_VIA_SAP else f"SAR-{name}" for name in found.sar_identifier]
        parts.aea += found.atomic_energy_markings
        parts.nonus += found.non_us_controls
        parts.cui += ["CUI", *found.cui_categories] if found.cui else []
        parts.dissem += found.dissemination_controls
        parts.other += found.non_ic_markings
        parts.fgi = (*parts.fgi, *found.fgi_source_open)
        parts.concealed |= found.fgi_source_protected
        parts.display = (*parts.display, *found.display_only_to)
    parts.rel = _release(fields, vocabulary)
    if parts.sci and not parts.rel and RELEASE.isdisjoint(parts.dissem):
        parts.dissem.append("NF")
    return confirmed(parts, vocabulary, lambda message: _wrong(message, vocabulary))


def _level(fields: Fields, vocabulary: Vocabulary) -> str:
    if fields.get("CLAS", "") not in _LEVELS:
        raise _wrong(f"{fields.get('CLAS', '')!r} is none of {', '.join(_LEVELS)}", vocabulary)
    return _LEVELS[fields["CLAS"]]


def _system(fields: Fields, vocabulary: Vocabulary) -> str:
    """The owner that the security system names; empty when it names none."""
    system = fields.get("CLSY", "")
    owner = _SYSTEMS.get(system, system if system in vocabulary.rank else "")
    if system and not owner:
        raise _wrong(f"the security system {system!r} is not known", vocabulary)
    return owner


def _release(fields: Fields, vocabulary: Vocabulary) -> list[str]:
    codes = [code for code in fields.get("REL", "").replace(",", " ").split() if code not in {"REL", "TO"}]
    if unknown := [code for code in codes if code not in vocabulary.rank]:
        raise _wrong(f"the release to {unknown[0]!r} is not known: codes are trigraphs and groups", vocabulary)
    return codes


def _controls(fields: Fields, vocabulary: Vocabulary) -> Iterator[Marking]:
    """What code words and handling say, each as the controls of a marking."""
    yield from _read(fields.get("CODE", ""), vocabulary)
    handling = fields.get("CTLH", "")
    yield from _read(_HANDLING.get(handling, handling), vocabulary)


def _read(text: str, vocabulary: Vocabulary) -> Iterator[Marking]:
    """The controls of one field: as a marking has them after its level, or one after the other with spaces between.

    Raises:
        MarkingError: a word is not known.
    """
    if not text:
        return
    values = (text, text.replace(" ", "/"), text.replace(" ", "//"))
    levels = ("TS", "TOP SECRET")
    classified = [f"{level}//{value}" for value in values for level in levels]
    for candidate in ([text] if text.startswith("CUI") else []) + classified:
        marking, violations = examine(candidate, vocabulary)
        if marking is not None and not any(vocabulary.rules[found.rule].check for found in violations):
            yield marking
            return
    raise _wrong(f"{text!r} is not known", vocabulary)


def _handling(marking: Marking) -> str:
    """Everything of a portion but level, systems and the list of nations, for the wide field of NITF 2.0."""
    controls = tuple(token for token in marking.dissemination_controls if token not in {"REL"})
    segments = replace(marking, dissemination_controls=controls, releasable_to=()).portion.split("//")
    if not marking.cui or marking.classified:
        segments = segments[2 if marking.sci_controls else 1 :]
    return "//".join(segments)


def _layout(version: str, fields: Fields) -> Iterator[tuple[str, int]]:
    """The fields of this version; in 2.0 a downgrade at an event (999998) has its description after it."""
    yield from LAYOUTS[version]
    if version == "2.0" and fields.get("DWNG") == "999998":
        yield "DEVT", 40


def _wrong(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("nitf", (0, 0), message),))
