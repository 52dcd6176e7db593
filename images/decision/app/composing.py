"""A product out of a question: what its author chose of quotations and claims, and what they wrote themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData

from appliance.errors import ApplianceError, first_finding
from appliance.markings import Restriction, joined, parse
from appliance.markings.vocabulary import Vocabulary
from appliance.service.database import Row, Transaction, database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.citations.claims import Citation
from workbench.citations.comparison import Comparison, Criterion
from workbench.citations.passages import restriction_of
from workbench.citations.product import Product, Section, SourceDocument, Statement, stated_in
from workbench.citations.templates import CONFIDENCES, LIKELIHOODS, TEMPLATES

from . import asking
from .asking import Quotation
from .enclave import Enclave, enclave_of
from .store import products
from .store.search import plain

OPTIONS, CRITERIA = 3, 5
"""Rows and columns of the form of a comparison."""


async def compose(request: Request, question: UUID, form: FormData) -> UUID:
    """Compose a product and keep it.

    Args:
        request: of its author.
        question: what it answers.
        form: what they chose and wrote.

    Raises:
        ApplianceError: a field is wrong, nothing was chosen, or the product would be above the enclave.
    """
    enclave, context = enclave_of(request), context_of(request)
    database = database_of(request)
    async with database.transaction(request, writes=False) as transaction:
        shown = await asking.read(transaction, question)
        try:
            product = await _product(transaction, _Given(form, enclave, context.subject), shown)
        except ValidationError as error:
            raise ApplianceError(first_finding(error), rule="the form of a product") from error
    product.authority(enclave.vocabulary)
    banner, restriction = product.banner(enclave.vocabulary), _restriction(product, shown, enclave)
    async with database.transaction(request, [restriction.label.encode()]) as transaction:
        identifier = await products.add(transaction, product, banner.banner, restriction)
        # Inside the transaction: without a durable record there is no product.
        await monitor_of(request).record(
            "product.create", token_of(request),
            inputs=sorted(f"sha256:{source.sha256}" for source in product.sources),
            outputs=[f"sha256:{product.sha256}"], detail={"product": str(identifier), "template": product.template},
            restriction=restriction,
        )  # fmt: skip
    return identifier


def _restriction(product: Product, shown: Mapping[str, Any], enclave: Enclave) -> Restriction:
    """The join of all that went in: what is marked in it, what it quotes, and all that a model of it read."""
    used = [restriction_of(product.banner(enclave.vocabulary), frozenset())]
    cited = {(one.document, one.number) for statement in product.statements for one in statement.citations}
    for one in shown["quotations"]:
        if (one.row["document"], one.row["number"]) in cited:
            used += [Restriction.decode(one.row[name]) for name in ("restriction", "document_restriction")]
    if product.model:
        used += [restriction_of(enclave.marking, frozenset()), Restriction.decode(shown["question"]["restriction"])]
    return joined(*used)


class _Given:
    """The fields of the form."""

    def __init__(self, form: FormData, enclave: Enclave, author: str) -> None:
        self._form = form
        self.enclave = enclave
        self.author = author
        name = self.text("template")
        if name not in TEMPLATES:
            raise ApplianceError("template: there is none of this name", rule=f"one of {', '.join(TEMPLATES)}")
        self.name, self.template = name, TEMPLATES[name]

    def text(self, name: str) -> str:
        return plain(str(self._form.get(name) or "")).replace("\r\n", "\n").strip()

    def portion(self, name: str) -> str:
        return self.enclave.marked(self.text(name), name).portion

    def place(self, name: str) -> int | None:
        """The section that something goes to."""
        text = self.text(name)
        found = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else None
        return found if found is not None and found < len(self.template.sections) else None

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        text = self.text(name)
        if text and text not in known:
            raise ApplianceError(f"{name}: is none of the words of ICD 203", remedy=", ".join(known))
        return text


async def _product(transaction: Transaction, given: _Given, shown: Mapping[str, Any]) -> Product:
    sections: list[list[Statement]] = [[] for _ in given.template.sections]
    for number, section in enumerate(given.template.sections):
        if section.judged and (text := given.text(f"judgement-{number}")):
            sections[number].append(_judgement(given, number, text))
    quoted = {(one.row["document"], one.row["number"]): one for one in shown["quotations"]}
    for one in shown["quotations"]:
        if (place := given.place(f"quotation-{one.row['rank']}")) is not None:
            sections[place].append(_evidence(one))
    claims = [claim for claim in shown["claims"] if given.place(f"claim-{claim['number']}") is not None]
    for claim in claims:
        statement = _inference(claim)
        if any((one.document, one.number) not in quoted for one in statement.citations):
            raise ApplianceError("a claim quotes a passage that this question does not quote any more")
        sections[given.place(f"claim-{claim['number']}") or 0].append(statement)
    if not any(sections):
        raise ApplianceError("the product is empty", remedy="write something, or choose a quotation")
    comparison = _comparison(given) if given.template.compares else None
    cited = {one.document for section in sections for statement in section for one in statement.citations}
    named = [one for one in shown["quotations"] if one.row["document"] in cited]
    return Product(
        template=given.name,
        title=given.text("title"),
        portion=given.portion("title-marking"),
        sections=tuple(
            Section(heading=section.heading, statements=tuple(statements))
            for section, statements in zip(given.template.sections, sections, strict=True) if statements
        ),
        comparison=comparison,
        comparison_portion=given.portion("comparison-marking") if comparison else "",
        sources=await _sources(transaction, given.enclave.vocabulary, named),
        author=given.author,
        composed=datetime.now(UTC).replace(microsecond=0),
        model=str(shown["question"]["model"] or "") if claims else "",
        question=shown["question"]["id"],
        declassify_on=given.text("declassify"),
    )  # fmt: skip


def _judgement(given: _Given, number: int, text: str) -> Statement:
    return Statement(
        kind="judgement", text=text, portion=given.portion(f"marking-{number}"), by=given.author,
        likelihood=given.one_of(f"likelihood-{number}", LIKELIHOODS),
        confidence=given.one_of(f"confidence-{number}", CONFIDENCES),
    )  # fmt: skip


def _evidence(one: Quotation) -> Statement:
    row, extract = one.row, one.extract
    citation = Citation(
        document=row["document"], number=row["number"], portion=row["portion"], start=extract.start, end=extract.end,
        quotation=extract.text,
    )  # fmt: skip
    return Statement(
        kind="evidence", text=extract.text, portion=row["portion"], by=one.source.originator, citations=(citation,)
    )


def _inference(claim: Row) -> Statement:
    citations = tuple(Citation.model_validate(one) for one in claim["citations"])
    return Statement(
        kind="inference", text=claim["text"], portion=claim["portion"], by=claim["model"], citations=citations
    )


def _comparison(given: _Given) -> Comparison | None:
    """The comparison in the form; empty rows and columns are left out."""
    columns = [column for column in range(OPTIONS) if given.text(f"option-{column}")]
    rows = [row for row in range(CRITERIA) if given.text(f"criterion-{row}")]
    if not columns and not rows:
        return None
    criteria = [
        Criterion.model_validate({
            "name": given.text(f"criterion-{row}"),
            "weight": given.text(f"weight-{row}"),
            "scores": [given.text(f"score-{row}-{column}") for column in columns],
            "rests_on": given.text(f"rests-{row}") or None,
        })
        for row in rows
    ]  # fmt: skip
    return Comparison(options=tuple(given.text(f"option-{column}") for column in columns), criteria=tuple(criteria))


async def _sources(
    transaction: Transaction, vocabulary: Vocabulary, quotations: list[Quotation]
) -> tuple[SourceDocument, ...]:
    """Every document that is quoted, once, in the order of the quotations."""
    quoted = {one.row["document"]: one for one in quotations}
    lines = await products.declassify(transaction, list(quoted))
    found = []
    for identifier, one in quoted.items():
        row, source = one.row, one.source
        found.append(
            SourceDocument(
                id=identifier,
                title=row["title"],
                portion=parse(row["banner"], vocabulary).portion,
                sha256=row["sha256"],
                originator=source.originator,
                dated=source.dated,
                grade=source.grade,
                description=source.description,
                declassify_on=stated_in(lines.get(identifier, [])),
            )
        )
    return tuple(found)
