"""STANAG 4774 labels as XML, and the binding of labels to data objects (STANAG 4778), both ways."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Tree

from appliance.markings.errors import MarkingError
from appliance.markings.formats.safe_xml import UnsafeXmlError, find_all, local, parse_xml, text_of
from appliance.markings.formats.stanag4774 import INFORMATION, ROOT, from_stanag4774, to_stanag4774, without_namespaces
from appliance.markings.marking import Marking
from appliance.markings.vocabulary import Vocabulary, default

LABEL = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
BINDING = "urn:nato:stanag:4778:bindinginformation:1:0"
Tree.register_namespace("slab", LABEL)
Tree.register_namespace("mb", BINDING)

_ROOTS = (ROOT, ROOT[0].upper() + ROOT[1:])


@dataclass(frozen=True, slots=True)
class Bound:
    """A label and what it is bound to.

    Attributes:
        marking: the label.
        references: the URIs of the data objects; none when the object stands inside the binding.
    """

    marking: Marking
    references: tuple[str, ...]


def to_stanag4774_xml(marking: Marking, *, created: str = "", originator: str = "") -> bytes:
    """The confidentiality label of a marking as an XML document; arguments as for ``to_stanag4774``."""
    return _written(_label(marking, created=created, originator=originator))


def from_stanag4774_xml(data: bytes, vocabulary: Vocabulary | None = None) -> Marking:
    """The marking of the one label in an XML document, which may be the root or stand inside another element.

    Raises:
        MarkingError: the document is unsafe, has no label or several, or as ``from_stanag4774``.
    """
    vocabulary = vocabulary or default()
    labels = find_all(_safe(data, vocabulary), *_ROOTS)
    if len(labels) != 1:
        raise _wrong(f"the document has {len(labels)} confidentiality labels instead of one", vocabulary)
    return from_stanag4774(_mapping(labels[0]), vocabulary)


def to_stanag4778_xml(bound: Iterable[Bound]) -> bytes:
    """A binding of labels to data objects as an XML document."""
    root = Tree.Element(f"{{{BINDING}}}BindingInformation")
    container = Tree.SubElement(root, f"{{{BINDING}}}MetadataBindingContainer")
    for one in bound:
        binding = Tree.SubElement(container, f"{{{BINDING}}}MetadataBinding")
        Tree.SubElement(binding, f"{{{BINDING}}}Metadata").append(_label(one.marking))
        for uri in one.references:
            Tree.SubElement(binding, f"{{{BINDING}}}DataReference", {"URI": uri})
    return _written(root)


def from_stanag4778_xml(data: bytes, vocabulary: Vocabulary | None = None) -> tuple[Bound, ...]:
    """Every label of a binding, with the data objects that it is bound to.

    The binding itself proves nothing: whoever needs to know that it is genuine checks its signature first.

    Raises:
        MarkingError: the document is unsafe, a binding has no label or several, or as ``from_stanag4774``.
    """
    vocabulary = vocabulary or default()
    found = []
    for binding in find_all(_safe(data, vocabulary), "MetadataBinding"):
        labels = find_all(binding, *_ROOTS)
        if len(labels) != 1:
            raise _wrong(f"a binding has {len(labels)} confidentiality labels instead of one", vocabulary)
        references = tuple(_attribute(entry, "URI") for entry in find_all(binding, "DataReference"))
        found.append(Bound(from_stanag4774(_mapping(labels[0]), vocabulary), references))
    if not found:
        raise _wrong("the document binds nothing", vocabulary)
    return tuple(found)


def from_stanag4778(document: Mapping[str, Any], vocabulary: Vocabulary | None = None) -> tuple[Bound, ...]:
    """The same of a binding in JSON.

    Raises:
        MarkingError: as ``from_stanag4778_xml``.
    """
    vocabulary = vocabulary or default()
    try:
        document = without_namespaces(document)
        container = document.get("BindingInformation", document)["MetadataBindingContainer"]
        bindings = container["MetadataBinding"]
        found = []
        for binding in [bindings] if isinstance(bindings, Mapping) else bindings:
            references = binding.get("DataReference", [])
            references = [references] if isinstance(references, Mapping) else references
            uris = tuple(str(entry.get("URI", entry.get("@URI", ""))) for entry in references)
            found.append(Bound(from_stanag4774(binding["Metadata"], vocabulary), uris))
    except (KeyError, TypeError, AttributeError) as error:
        raise _wrong(f"the element {error} is missing or malformed", vocabulary) from error
    if not found:
        raise _wrong("the document binds nothing", vocabulary)
    return tuple(found)


def _label(marking: Marking, *, created: str = "", originator: str = "") -> Tree.Element:
    label = to_stanag4774(marking, created=created, originator=originator)[ROOT]
    root = Tree.Element(f"{{{LABEL}}}{ROOT}")
    information = Tree.SubElement(root, f"{{{LABEL}}}{INFORMATION}")
    for name in ("PolicyIdentifier", "Classification"):
        Tree.SubElement(information, f"{{{LABEL}}}{name}").text = label[INFORMATION][name]
    for entry in label[INFORMATION]["Category"]:
        attributes = {"TagName": entry["TagName"], "Type": entry["Type"]}
        category = Tree.SubElement(information, f"{{{LABEL}}}Category", attributes)
        for value in entry["GenericValue"]:
            Tree.SubElement(category, f"{{{LABEL}}}GenericValue").text = value
    for name in ("OriginatorID", "CreationDateTime"):
        if name in label:
            Tree.SubElement(root, f"{{{LABEL}}}{name}").text = label[name]
    return root


def _mapping(label: Tree.Element) -> dict[str, Any]:
    """The label as the JSON form has it; what is not known keeps its name, to be refused by it."""
    information: dict[str, Any] = {"Category": []}
    for element in find_all(label, INFORMATION):
        for child in element:
            name = local(child.tag)
            if name == "Category":
                values = [text_of(value) for value in child if local(value.tag) == "GenericValue"]
                other = [local(value.tag) for value in child if local(value.tag) != "GenericValue"]
                entry: dict[str, Any] = {key: _attribute(child, key) for key in ("TagName", "Type")}
                information["Category"].append(
                    entry | ({} if other else {"GenericValue": [text for text in values if text]})
                )
            else:
                information[name if name not in information else f"{name} twice"] = text_of(child)
    return {ROOT: {INFORMATION: information}}


def _attribute(element: Tree.Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if local(key) == name), "")


def _safe(data: bytes, vocabulary: Vocabulary) -> Tree.Element:
    try:
        return parse_xml(data)
    except UnsafeXmlError as error:
        raise _wrong(str(error), vocabulary) from error


def _wrong(message: str, vocabulary: Vocabulary) -> MarkingError:
    return MarkingError("", (vocabulary.violation("stanag-4774", (0, 0), message),))


def _written(root: Tree.Element) -> bytes:
    Tree.indent(root)
    return bytes(Tree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
