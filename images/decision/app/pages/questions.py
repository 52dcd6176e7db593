"""Pages of questions: ask, read what was found and what the model claims from it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.markings import join
from appliance.service.database import CurrentDatabase
from workbench.citations.templates import TEMPLATES

from .. import asking
from ..enclave import CurrentEnclave, Enclave, render
from ..store import questions

router = APIRouter(prefix="/decision")


@router.get("/")
async def start(request: Request, database: CurrentDatabase, enclave: CurrentEnclave) -> Response:
    """The form, and the questions that this person asked before."""
    async with database.transaction(request, writes=False) as transaction:
        before = await questions.newest(transaction)
    marks = {row["portion"] for row in before}
    return render(request, "ask.html", marks, questions=before, choices=_choices(enclave), model=enclave.model)


@router.post("/questions")
async def ask(
    request: Request,
    text: Annotated[str, Form(min_length=1, max_length=2000)],
    marking: Annotated[str, Form(max_length=400)] = "",
    claims: Annotated[bool, Form()] = False,
) -> Response:
    """Ask."""
    identifier = await asking.ask(request, text, marking, claims=claims)
    return RedirectResponse(f"/decision/questions/{identifier}", 303)


@router.get("/questions/{identifier}")
async def show(request: Request, database: CurrentDatabase, enclave: CurrentEnclave, identifier: UUID) -> Response:
    """What was found, and what the model claims from it."""
    return await _answer(request, database, enclave, identifier, "answer.html")


@router.get("/questions/{identifier}/claims")
async def claims(request: Request, database: CurrentDatabase, enclave: CurrentEnclave, identifier: UUID) -> Response:
    """The claims alone, which the page asks for until they are there."""
    return await _answer(request, database, enclave, identifier, "claims.html")


async def _answer(
    request: Request, database: CurrentDatabase, enclave: Enclave, identifier: UUID, template: str
) -> Response:
    async with database.transaction(request, writes=False) as transaction:
        found = await asking.read(transaction, identifier)
    originators = [one.source.originator for one in found["quotations"]]
    documents = {one.row["document"] for one in found["quotations"]}
    titles = {str(one.row["document"]): one.row["title"] for one in found["quotations"]}
    # Documents whose originator nobody stated may all be of one: they count as one source together.
    return render(
        request, template, asking.portions(found, enclave.marking.portion), **found, documents=len(documents),
        sources=len(set(originators)), unstated=originators.count(""), titles=titles,
        templates=TEMPLATES,
    )  # fmt: skip


def _choices(enclave: Enclave) -> list[str]:
    """Markings that a question may have: the enclave's, and the lowest."""
    return list(dict.fromkeys((enclave.marking.banner, "UNCLASSIFIED" if enclave.marking.label != join() else "")))
