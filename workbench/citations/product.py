"""A product: statements with their marks, each evidence, inference or judgement, under a computed banner."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

from appliance.errors import ApplianceError
from appliance.markings import Marking, MarkingError, dominates, parse_by_any
from appliance.markings.formats.authority import AuthorityBlock, Declassification, derive, longest
from appliance.markings.vocabulary import Vocabulary

from .banner import banner_of
from .claims import Citation
from .comparison import Comparison
from .templates import Kind

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Statement(_Part):
    """A paragraph of a product.

    Attributes:
        kind: evidence, inference or judgement.
        text: its words.
        portion: its mark.
        by: who says it: the originator of the source, the model, or the person.
        citations: what it quotes; judgement may have none.
        likelihood: a word of ICD 203; judgement alone has one.
        confidence: the same.
    """

    kind: Kind
    text: Text
    portion: str
    by: str = ""
    citations: tuple[Citation, ...] = ()
    likelihood: str = ""
    confidence: str = ""

    @model_validator(mode="after")
    def _cites(self) -> Self:
        if self.kind != "judgement" and not self.citations:
            raise ValueError("evidence and inference cite their sources")
        return self


class Section(_Part):
    """A part of a product under its heading."""

    heading: Line
    statements: tuple[Statement, ...]


class SourceDocument(_Part):
    """A document that a product quotes, for its list of sources (ICD 206) and its lineage.

    Attributes:
        id: of the document.
        title: with ``portion`` before it.
        portion: of the title: the document's banner as a portion mark.
        sha256: of the file.
        originator: who wrote it, if it was stated.
        dated: the date of the information, if it was stated.
        grade: Admiralty grade, if it was stated.
        description: of the source.
        declassify_on: its declassification instruction, as it stands in it.
    """

    id: UUID
    title: str
    portion: str
    sha256: str
    originator: str = ""
    dated: date | None = None
    grade: str = ""
    description: str = ""
    declassify_on: str = ""


class Product(_Part):
    """What a person composed.

    Attributes:
        template: its kind.
        title: of the product.
        portion: mark of the title.
        sections: its parts.
        comparison: of courses of action, if it has one.
        comparison_portion: mark of the comparison.
        sources: every document that it quotes.
        author: who composed it.
        composed: when.
        model: which model wrote its inferences; empty without any.
        question: from which it was composed.
        declassify_on: as its author states it; computed from the sources when empty.
    """

    template: str
    title: Line
    portion: str
    sections: tuple[Section, ...]
    comparison: Comparison | None = None
    comparison_portion: str = ""
    sources: tuple[SourceDocument, ...]
    author: str
    composed: AwareDatetime
    model: str = ""
    question: UUID
    declassify_on: str = ""

    @property
    def portions(self) -> tuple[str, ...]:
        """The marks of everything in it, titles of sources too."""
        marks = [self.portion, *(one.portion for one in self.statements)]
        marks += [source.portion for source in self.sources]
        return tuple([*marks, self.comparison_portion] if self.comparison else marks)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements in order."""
        return tuple(statement for section in self.sections for statement in section.statements)

    @property
    def canonical(self) -> bytes:
        """The bytes that a signature covers."""
        content = self.model_dump(mode="json")
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @property
    def sha256(self) -> str:
        """Their digest."""
        return hashlib.sha256(self.canonical).hexdigest()

    def banner(self, vocabulary: Vocabulary) -> Marking:
        """The join of everything in it."""
        return banner_of(self.portions, vocabulary)

    def authority(self, vocabulary: Vocabulary) -> AuthorityBlock:
        """Its classification authority block (32 CFR 2001.22, derivative classification).

        Raises:
            ApplianceError: it is classified, and nobody says until when.
        """
        marking = self.banner(vocabulary)
        given = {one.title: self.declassify_on or one.declassify_on for one in self.sources}
        given = given or {"the author's own knowledge": self.declassify_on}
        blocks = [(title, AuthorityBlock(declassify_on=instruction(text, vocabulary))) for title, text in given.items()]
        try:
            return derive(marking, blocks, self.author)
        except MarkingError as error:
            raise ApplianceError(
                "declassify on: no source says until when it is classified",
                rule="a derivative document carries the instruction of its sources (32 CFR 2001.22)",
                remedy="state a date (YYYYMMDD) or an exemption, as your classification guide says",
            ) from error


_INSTRUCTION = re.compile(r"(?:(?P<exemption>50X[12]-[A-Z]+|25X[1-9]|OADR|MR|X[1-8])[,;]?\s*)?(?P<date>\d{8})?")
_STANDS = re.compile(r"\bdeclassify on:\s*(?P<instruction>[0-9A-Z][0-9A-Z ,;-]{0,60}\d|[A-Z0-9-]{2,10})", re.IGNORECASE)


def instruction(text: str, vocabulary: Vocabulary) -> Declassification | None:
    """The declassification instruction that a text is; None when it is empty.

    Raises:
        ApplianceError: it is none that can be compared with others.
    """
    text = text.strip().rstrip(".")
    if not text:
        return None
    found = _INSTRUCTION.fullmatch(text)
    if not found:
        raise _no_instruction(text)
    try:
        when = datetime.strptime(found["date"], "%Y%m%d").replace(tzinfo=UTC).date() if found["date"] else None
        given = Declassification(date=when, exemption=found["exemption"] or "")
        longest([given], vocabulary=vocabulary)
    except (ValueError, MarkingError) as error:
        raise _no_instruction(text) from error
    return given


def _no_instruction(text: str) -> ApplianceError:
    rule = "a date (YYYYMMDD), or an exemption such as 25X1, 20501231"
    return ApplianceError(f"declassify on: {text!r} is no instruction", rule=rule)


def stated_in(passages: Iterable[str]) -> str:
    """The declassification instruction that stands in a document; empty when none does."""
    return next(_instructions(passages), "")


def _instructions(passages: Iterable[str]) -> Iterator[str]:
    for text in passages:
        if found := _STANDS.search(text):
            yield found["instruction"].strip()


def lowered(statement: Statement, vocabulary: Vocabulary) -> bool:
    """Whether a statement is marked lower than what it quotes."""
    if not statement.citations:
        return False
    needed = banner_of([one.portion for one in statement.citations], vocabulary).label
    return not dominates(parse_by_any(statement.portion).label, needed)
