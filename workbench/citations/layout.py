"""A product as blocks in reading order, from which every format is written: what one shows, all show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from appliance.markings import Marking
from appliance.markings.formats.authority import AuthorityBlock
from appliance.markings.vocabulary import Vocabulary

from .banner import banner_of
from .product import Product, SourceDocument, Statement
from .templates import TEMPLATES

DRAFT = "DRAFT: not a source for derivative classification until a person has signed it."
WHO = {"evidence": "Evidence", "inference": "Inference of a model", "judgement": "Judgement"}


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document.

    Attributes:
        style: how it looks.
        text: its words.
        portion: its mark; empty where it says nothing of its own.
        note: who says it and on what it rests, after the words.
        rows: of a table, the first its head.
    """

    style: Literal["title", "heading", "paragraph", "small", "table"]
    text: str = ""
    portion: str = ""
    note: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Laid:
    """A whole document.

    Attributes:
        banner: at the head and foot of each page.
        blocks: in reading order.
    """

    banner: str
    blocks: tuple[Block, ...]


def lay_out(product: Product, signed_by: list[str], vocabulary: Vocabulary, unsigned: str) -> Laid:
    """The blocks of a product.

    Args:
        product: what was composed.
        signed_by: who signed exactly this content.
        vocabulary: the words and rules by which the site reads markings.
        unsigned: the portion mark that a model's words have as long as nobody signed something lower.

    Raises:
        ApplianceError: it is classified, and nobody says until when.
    """
    marks = [*product.portions, unsigned] if product.model and not signed_by else product.portions
    own, authority = product.banner(vocabulary), product.authority(vocabulary)
    return Laid(banner_of(marks, vocabulary).banner, tuple(_blocks(product, signed_by, own, authority)))


def _blocks(product: Product, signed_by: list[str], banner: Marking, authority: AuthorityBlock) -> Iterator[Block]:
    yield Block("title", product.title, product.portion)
    group = f"{product.composed:%d%H%MZ %b %Y}".upper()
    yield Block("small", f"{TEMPLATES[product.template].title}. {group}.")
    yield Block("small", f"Signed by {', '.join(signed_by)}." if signed_by else DRAFT)
    numbers = {source.id: number for number, source in enumerate(product.sources, 1)}
    for section in product.sections:
        yield Block("heading", section.heading)
        for one in section.statements:
            yield Block("paragraph", one.text, one.portion, _note(one, {str(k): v for k, v in numbers.items()}))
    if product.comparison:
        yield from _comparison(product)
    if product.sources:
        yield Block("heading", "Sources")
        for number, source in enumerate(product.sources, 1):
            yield Block("paragraph", f"[{number}] {_described(source)}", source.portion)
    yield Block("heading", "Classification and lineage")
    yield from (Block("small", line) for line in _authority(banner, authority))
    lineage = f"Composed by {product.author} from the answer to question {product.question}"
    yield Block("small", lineage + (f", with claims of {product.model}." if product.model else "."))
    yield Block("small", f"Content sha256:{product.sha256}.")


def _note(one: Statement, numbers: dict[str, int]) -> str:
    """Who says it, how sure they are, and where it stands."""
    places = [f"[{numbers[str(cited.document)]}] paragraph {cited.number}" for cited in one.citations]
    said = [WHO[one.kind] + (f", {one.by}" if one.by else ""), one.likelihood, one.confidence, *dict.fromkeys(places)]
    return "; ".join(part for part in said if part)


def _comparison(product: Product) -> Iterator[Block]:
    comparison = product.comparison
    if comparison is None:
        return
    yield Block("heading", "Courses of action")
    head = ("Criterion", "Weight", *comparison.options, "Rests on")
    rows = [
        (one.name, str(one.weight), *map(str, one.scores), f"quotation {one.rests_on}" if one.rests_on else "judgement")
        for one in comparison.criteria
    ]
    totals = ("Weighted mean", "", *(f"{total:.2f}" for total in comparison.totals), "")
    yield Block("table", "Scores from 1 (worst) to 5 (best)", product.comparison_portion, rows=(head, *rows, totals))
    leading = comparison.leading
    first = f"{leading[0]} leads." if len(leading) == 1 else f"{' and '.join(leading)} are equal."
    changes = [
        f"{change.option} would lead if the weight of {change.criterion} were beyond {change.weight:g}"
        for change in comparison.changes()
    ]
    said = f"{first} {'; '.join(changes)}." if changes else f"{first} No single weight from 0 to 100 changes that."
    yield Block("paragraph", said, product.comparison_portion, "Computed from the scores and weights above")


def _described(source: SourceDocument) -> str:
    """A source as ICD 206 asks: title, originator, date, how far to trust it."""
    parts = [source.title, source.originator, f"{source.dated:%d %b %Y}" if source.dated else "",
             f"graded {source.grade}" if source.grade else "", source.description]  # fmt: skip
    return f"{'. '.join(part.rstrip('.') for part in parts if part)}. sha256:{source.sha256[:16]}"


def _authority(banner: Marking, authority: AuthorityBlock) -> Iterator[str]:
    """The lines of the classification authority block."""
    if not banner.classified:
        yield "Nothing in it is classified: it has no classification authority block."
        return
    for name, value in (
        ("Classified By", authority.classified_by),
        ("Derivatively Classified By", authority.derivatively_classified_by),
        ("Derived From", authority.derived_from),
        ("Sources", "; ".join(authority.sources)),
        ("Declassify On", str(authority.declassify_on) if authority.declassify_on else ""),
    ):
        if value:
            yield f"{name}: {value}"
