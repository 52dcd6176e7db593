"""Reading XML that others wrote: no document type, no entities, bounded in size, depth and number of elements."""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAXIMUM_BYTES = 4 * 1024 * 1024
MAXIMUM_ELEMENTS = 200_000
MAXIMUM_DEPTH = 64


class UnsafeXmlError(ValueError):
    """The document is no well-formed XML, or it has what a document of others must not have."""


def parse_xml(
    data: bytes,
    *,
    maximum_bytes: int = MAXIMUM_BYTES,
    maximum_elements: int = MAXIMUM_ELEMENTS,
    maximum_depth: int = MAXIMUM_DEPTH,
) -> Element:
    """The root of a document; names are ``{namespace}name``, as in ElementTree.

    Args:
        data: the document, in any encoding that its declaration names and expat knows.
        maximum_bytes: the largest document.
        maximum_elements: the most elements.
        maximum_depth: the deepest element.

    Raises:
        UnsafeXmlError: the document has a document type or an entity, is too large, too deep, or not well formed.
    """
    if len(data) > maximum_bytes:
        raise UnsafeXmlError(f"the XML has {len(data)} bytes, more than {maximum_bytes}")
    builder = _Builder(maximum_elements, maximum_depth)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.ordered_attributes = False
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise UnsafeXmlError(f"the XML is not well formed: {error}") from error
    return builder.root()


def local(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition("}")[2]


def text_of(element: Element) -> str:
    """The text of an element and of everything in it, without the spaces around it."""
    return "".join(element.itertext()).strip()


def find_all(root: Element, *names: str) -> list[Element]:
    """Every element with one of these local names, in any namespace, in order."""
    return [element for element in root.iter() if local(element.tag) in names]


def _refuse(*_: object) -> int:
    raise UnsafeXmlError("the XML has a document type or an entity, which is refused")


class _Builder:
    """Builds the tree while it counts."""

    def __init__(self, maximum_elements: int, maximum_depth: int) -> None:
        self._tree = TreeBuilder()
        self._elements, self._depth = maximum_elements, maximum_depth

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth -= 1
        self._elements -= 1
        if self._depth < 0 or self._elements < 0:
            raise UnsafeXmlError("the XML has too many elements, or they are too deep")
        self._tree.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth += 1
        self._tree.end(_qualified(name))

    def data(self, text: str) -> None:
        self._tree.data(text)

    def root(self) -> Element:
        return self._tree.close()


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name
