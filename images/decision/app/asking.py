"""A question: the passages that answer it, at once; then, as a job, what a model claims from them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from fastapi import Request

from appliance.contract import digest
from appliance.errors import ApplianceError
from appliance.markings import Restriction, joined
from appliance.service.database import Row, Transaction, database_of
from appliance.service.jobs.queue import queue_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import token_of
from workbench.citations.passages import restriction_of
from workbench.retrieval.extract import Extract, extract

from .enclave import enclave_of
from .models import Source
from .store import questions, search

QUOTED = 8
"""Passages that a question quotes."""
CLAIM = "claim"
"""The kind of job; its ``spec`` has ``question``."""
RESOURCE = "model"
"""What such jobs wait for: one of them runs at a time."""
CALLS = 40
"""What one such job may ask: contexts, and two tries in each stratum."""


@dataclass(frozen=True)
class Quotation:
    """A passage that answers.

    Attributes:
        row: the passage with its document.
        extract: the part of it that is shown.
    """

    row: Row
    extract: Extract

    @property
    def source(self) -> Source:
        """How its document's source describes itself."""
        return Source.model_validate(self.row["source"])

    @property
    def portions(self) -> tuple[str, str]:
        """Marks of the passage and of its document's title, which is shown with it."""
        return self.row["portion"], self.row["banner"]


def quotations(rows: list[Row]) -> list[Quotation]:
    """Passages as they are shown."""
    return [Quotation(row, extract(row["highlighted"], search.STARTS, search.STOPS)) for row in rows]


async def ask(request: Request, text: str, marking: str, *, claims: bool) -> UUID:
    """Look for what answers a question, and keep both.

    Args:
        request: of who asks.
        text: the question.
        marking: its own marking; the enclave's when empty.
        claims: whether the model is to write claims from what is found.

    Raises:
        ApplianceError: the question has no word to look for, or its marking is none or above the enclave.
        NotRecordedError: no durable record, so nothing is shown.
    """
    enclave, text = enclave_of(request), search.plain(text).strip()
    own = enclave.marked(marking, "marking")
    identifier, queue = uuid4(), queue_of(request)
    database = database_of(request)
    async with database.transaction(request, writes=False) as transaction:
        terms = await search.terms_of(transaction, text)
        if not terms:
            raise ApplianceError("the question has no word to look for", remedy="name what you want to know about")
        found = await search.shown(transaction, await search.search(transaction, terms, QUOTED), terms)
    used = [Restriction.decode(row[name]) for row in found for name in ("restriction", "document_restriction")]
    restriction = joined(restriction_of(own, frozenset()), *used)
    asks = claims and enclave.model is not None and bool(found)
    async with database.transaction(request, [restriction.label.encode()]) as transaction:
        await questions.add(
            transaction, identifier, restriction, text, own.portion, found,
            state="asking" if asks else "quoted", model=enclave.model if asks else None,
        )  # fmt: skip
        if asks:
            groups = sorted(restriction.groups)
            granted = await queue.grant(
                request, identifier.hex, purpose=CLAIM, calls=CALLS, groups=groups, model=enclave.model
            )
            await queue.add(
                transaction, request, uuid4(), CLAIM, {"question": str(identifier)}, granted=granted,
                resource=RESOURCE, groups=groups,
            )  # fmt: skip
        # Inside the transaction: without a durable record nobody sees what was found.
        given = [digest.text(text), *sorted({f"sha256:{row['sha256']}" for row in found})]
        await monitor_of(request).record(
            "question.ask", token_of(request), inputs=given, detail={"question": str(identifier)},
            restriction=restriction,
        )  # fmt: skip
    queue.more.set()
    return identifier


async def read(transaction: Transaction, identifier: UUID) -> dict[str, Any]:
    """A question with all that the reader may read of what it quotes and of what was claimed."""
    question = await questions.get(transaction, identifier)
    terms = await search.terms_of(transaction, question["text"])
    rows = await search.shown(transaction, await questions.quoted(transaction, identifier), terms)
    return {
        "question": question,
        "quotations": quotations(rows),
        "claims": await questions.claims(transaction, identifier),
        "gone": question["found"] - len(rows),
    }


def portions(shown: dict[str, Any], enclave: str) -> set[str]:
    """The marks of everything on the page of a question.

    What a model wrote has its mark proposed alone, so that until somebody signs it counts as the enclave's.
    """
    marks = {shown["question"]["portion"]}
    for quotation in shown["quotations"]:
        marks.update(quotation.portions)
    return marks | {enclave} if shown["claims"] else marks
