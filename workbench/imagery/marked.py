"""The marking of a NITF file: the join over its header and every segment, none of which is above the header."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.markings import Marking, MarkingError, Restriction, controlled, join, marking_of
from appliance.markings.formats.nitf import NitfSecurity, from_nitf
from appliance.markings.vocabulary import Vocabulary, default
from workbench.imagery.extensions import SECURA
from workbench.imagery.fields import HeaderError
from workbench.imagery.nitf import Nitf
from workbench.imagery.subheaders import Subheader

HEADER = "file header"
CLASSES = "TSCRU"
"""Codes of levels; blank, small letters and everything else is refused, never read as unclassified."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One header with its marking.

    Attributes:
        name: ``file header`` or that of the segment.
        fields: what it says.
        marking: what that means.
    """

    name: str
    fields: Subheader
    marking: Marking

    def wrong(self, problem: str, remedy: str) -> HeaderError:
        """What to raise about its marking."""
        place, problem = self.fields.place("CLAS"), f"and its fields mean {self.marking.banner}, {problem}"
        return HeaderError(self.name, f"{self.fields.prefix}CLAS", place, problem, remedy)


def markings_of(nitf: Nitf, vocabulary: Vocabulary | None = None) -> tuple[Marked, ...]:
    """The markings of a file: of its header first, then of each segment in order.

    Raises:
        HeaderError: names the field that is blank, not known or contradicts the others, or the segment above the file.
    """
    vocabulary = vocabulary or default()
    found = tuple(_marked(name, fields, vocabulary) for name, fields in _headers(nitf))
    header, *segments = found
    for segment in segments:
        if not _restriction(segment.marking).within(_restriction(header.marking)):
            raise segment.wrong(
                f"above the header of the file, which means {header.marking.banner}",
                "have the producer of the file mark it as high as all of its segments",
            )
    return found


def require(found: tuple[Marked, ...], declared: Restriction, vocabulary: Vocabulary | None = None) -> None:
    """Refuse a file whose marking is not exactly the declared one; need-to-know groups are no part of either.

    Args:
        found: its markings.
        declared: what its uploader says.
        vocabulary: the words of the site.

    Raises:
        HeaderError: names the first header that says something else.
    """
    whole = join(*(one.marking.label for one in found))
    originator = any(controlled(one.marking.obligations) for one in found)
    if whole == declared.label and originator == declared.originator_controlled:
        return
    said = marking_of(declared.label, vocabulary or default()).banner
    said += " with" if declared.originator_controlled else " without"
    above = (one for one in found if not _restriction(one.marking).within(replace(declared, groups=frozenset())))
    raise next(above, found[0]).wrong(
        f"and the file was uploaded as {said} originator control",
        "upload it with its own marking, in an enclave that may hold it",
    )


def _headers(nitf: Nitf) -> Iterator[tuple[str, Subheader]]:
    yield HEADER, nitf.header
    for segment in nitf.segments:
        yield segment.name, segment.fields


def _restriction(marking: Marking) -> Restriction:
    return Restriction(marking.label, originator_controlled=controlled(marking.obligations))


def _marked(name: str, fields: Subheader, vocabulary: Vocabulary) -> Marked:
    """The marking of one header.

    Raises:
        HeaderError: a field has no marking that is known.
    """
    security = fields.security
    if (code := security.fields["CLAS"]) not in CLASSES or not code:
        problem = f"is {code or ' '!r}, and should be one of {', '.join(CLASSES)}"
        raise HeaderError(name, f"{fields.prefix}CLAS", fields.place("CLAS"), problem)
    extensions = [one for one in fields.extensions if one.tag == SECURA]
    if len(extensions) > 1:
        raise HeaderError(name, SECURA, extensions[1].offset, "stands twice")
    secura = extensions[0].security if extensions else b""
    try:
        return Marked(name, fields, from_nitf(replace(security, secura=secura), vocabulary))
    except MarkingError as error:
        field = _culprit(security, vocabulary)
        if secura and field is None:
            raise HeaderError(name, SECURA, extensions[0].offset, f"is wrong: {error}") from error
        field = field or "CLAS"
        raise HeaderError(name, fields.prefix + field, fields.place(field), f"is wrong: {error}") from error


def _culprit(security: NitfSecurity, vocabulary: Vocabulary) -> str | None:
    """The field without which the fields, without extension, mean something; None when there is none such."""
    suspects = [name for name, value in security.fields.items() if value and name != "CLAS"]
    for name in ("", *reversed(suspects)):
        fields = {other: value for other, value in security.fields.items() if other != name}
        try:
            from_nitf(replace(security, fields=fields, secura=b""), vocabulary)
        except MarkingError:
            continue
        return name or None
    return None
