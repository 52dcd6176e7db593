"""ISM attributes in XML (IC-ISM, namespace urn:us:gov:ic:ism), both ways: markings, notices and need-to-know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from appliance.markings.errors import MarkingError
from appliance.markings.formats.ism import CUI_COMPLIANCE, INFORMATIVE, from_ism, to_ism
from appliance.markings.formats.safe_xml import UnsafeXmlError, find_all, local, parse_xml, text_of
from appliance.markings.marking import Marking
from appliance.markings.vocabulary import Vocabulary, default

NAMESPACE = "urn:us:gov:ic:ism"
NEED_TO_KNOW = "urn:us:gov:ic:ntk"
_SPACE = "."
"""Stands for a space inside a name, because the lists of XML are separated by spaces; no marking has it itself."""

_TRUE = {"true", "1"}
_LISTS = {
    "ownerProducer", "SCIcontrols", "SARIdentifier", "atomicEnergyMarkings", "nonUSControls", "FGIsourceOpen",
    "FGIsourceProtected", "disseminationControls", "releasableTo", "displayOnlyTo", "nonICmarkings", "compliesWith",
    "cuiBasic", "cuiSpecified",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that the document must show.

    Attributes:
        kind: the noticeType, for example RD, FISA, IMC, DoD-Dist-A.
        text: what it says, when the document has it.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class IsmDocument:
    """What an XML document says about its markings.

    Attributes:
        resource: the marking of the whole; None when no element is the resource element and the root has none.
        portions: the path and the marking of every other element that has one.
        notices: the notices.
        need_to_know: profiles (NTK) that restrict access further than the markings: enforce them, or refuse it.
    """

    resource: Marking | None
    portions: tuple[tuple[str, Marking], ...] = ()
    notices: tuple[Notice, ...] = ()
    need_to_know: tuple[str, ...] = field(default=())


def to_ism_attributes(marking: Marking, *, prefix: str = "ism:") -> dict[str, str]:
    """The attributes of an element with this marking, as text; ``prefix`` stands for the namespace."""
    attributes = {}
    for name, value in to_ism(marking).items():
        if isinstance(value, list):
            attributes[f"{prefix}{name}"] = " ".join(str(entry).replace(" ", _SPACE) for entry in value)
        elif name != "version":
            attributes[f"{prefix}{name}"] = str(value)
    if marking.joint:
        attributes[f"{prefix}joint"] = "true"
    return attributes


def from_ism_attributes(
    attributes: Mapping[str, str], vocabulary: Vocabulary | None = None, *, portion: bool = True
) -> Marking:
    """The marking of an element with these attributes.

    Args:
        attributes: names with or without a prefix or namespace; the caller leaves out those of other namespaces.
        vocabulary: the words; those of the package when None.
        portion: whether CUI categories speak for themselves, as in portions; a resource has compliesWith too.

    Raises:
        MarkingError: an attribute is unknown (rule ``ism-json``), or as ``from_ism``.
    """
    vocabulary = vocabulary or default()
    ism: dict[str, object] = {}
    joint, seen = False, set[str]()
    for name, value in ((local(key).rpartition(":")[2], value) for key, value in attributes.items()):
        if name in seen:
            raise _wrong(f"{name} stands twice, under two prefixes", vocabulary)
        seen.add(name)
        if name in _LISTS:
            ism[name] = [_token(name, token) for token in value.split()]
        elif name == "joint":
            joint = value.strip() in {"true", "1"}
        elif name == "classification":
            ism[name] = value.strip()
        elif name not in INFORMATIVE:
            raise _wrong(f"unknown attribute {name}", vocabulary)
    if joint and vocabulary.nation not in _values(ism, "ownerProducer"):
        raise _wrong(f"joint information has {vocabulary.nation} among its owners", vocabulary)
    if ism.get("FGIsourceProtected"):
        ism["FGIsourceProtected"], _ = ["FGI"], ism.pop("FGIsourceOpen", None)
    complies = {str(value) for value in _values(ism, "compliesWith")}
    ism.pop("compliesWith", None)
    if complies & {CUI_COMPLIANCE, "USA-CUI-ONLY"} or (portion and (ism.get("cuiBasic") or ism.get("cuiSpecified"))):
        ism["compliesWith"] = [CUI_COMPLIANCE]
    return from_ism(ism, vocabulary)


def read_ism_xml(data: bytes, vocabulary: Vocabulary | None = None) -> IsmDocument:
    """The markings of an XML document: of the whole, of its portions, its notices and its need-to-know.

    Raises:
        MarkingError: the document is unsafe, or a marking in it is wrong; the message names the element.
    """
    vocabulary = vocabulary or default()
    try:
        root = parse_xml(data)
    except UnsafeXmlError as error:
        raise _wrong(str(error), vocabulary) from error
    resource: Marking | None = None
    portions: list[tuple[str, Marking]] = []
    resources = [element for element in root.iter() if _ism(element).get("resourceElement", "").strip() in _TRUE]
    if len(resources) > 1:
        raise _wrong(f"{len(resources)} elements are the resource element; a document has one", vocabulary)
    for path, element in _walk(root, f"/{local(root.tag)}"):
        attributes = _ism(element)
        if strange := _strange(element, attributes):
            raise _wrong(f"{path}: {strange}", vocabulary)
        if "classification" not in attributes:
            continue
        is_resource = element in resources or (element is root and not resources)
        try:
            marking = from_ism_attributes(attributes, vocabulary, portion=not is_resource)
        except MarkingError as error:
            raise _wrong(f"{path}: {error}", vocabulary) from error
        if is_resource:
            resource = marking
        else:
            portions.append((path, marking))
    notices = tuple(Notice(kind, text_of(element)) for element in root.iter() for kind in _notices(element))
    profiles = [text_of(element) for element in find_all(root, "AccessPolicy")]
    unnamed = [local(element.tag) for element in root.iter() if element.tag.startswith(f"{{{NEED_TO_KNOW}")]
    return IsmDocument(resource, tuple(portions), notices, tuple(profiles or sorted({*unnamed})))


def _strange(element: Element, attributes: Mapping[str, str]) -> str:
    """Why an element's markings cannot be taken as they stand: there is no level (ISM-ID-00012), or they are older."""
    if "classification" not in attributes and (named := sorted(_LISTS & attributes.keys())):
        return f"{named[0]} stands without classification and ownerProducer"
    older = [key for key in element.attrib if key.startswith(f"{{{NAMESPACE}:")]
    return f"{older[0]} is of another version of ISM" if older else ""


def _walk(element: Element, path: str) -> Iterator[tuple[str, Element]]:
    yield path, element
    counts: dict[str, int] = {}
    for child in element:
        name = local(child.tag)
        counts[name] = counts.get(name, 0) + 1
        yield from _walk(child, f"{path}/{name}[{counts[name]}]")


def _ism(element: Element) -> dict[str, str]:
    """The ISM attributes of an element, by their local names."""
    return {local(key): value for key, value in element.attrib.items() if key.startswith(f"{{{NAMESPACE}}}")}


def _notices(element: Element) -> list[str]:
    attributes = _ism(element)
    return [*attributes.get("noticeType", "").split(), *attributes.get("unregisteredNoticeType", "").split()]


def _token(name: str, token: str) -> str:
    """A token as the library has it: NATO-ATOMAL is ATOMAL, SAR-BP is BP, an underscore in a programme is a space."""
    token = token.replace(_SPACE, " ")
    if name == "nonUSControls":
        return token.removeprefix("NATO-")
    return token.removeprefix("SAR-").replace("_", " ") if name == "SARIdentifier" else token


def _values(ism: Mapping[str, object], name: str) -> list[object]:
    value = ism.get(name)
    return value if isinstance(value, list) else []


def _wrong(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("ism-json", (0, 0), message),))
