"""The interface for programs, below ``/decision/api/``."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from appliance.service.database import CurrentDatabase

from . import asking
from .enclave import enclave_of, mark
from .store import documents

router = APIRouter(prefix="/decision/api")


class Question(BaseModel):
    """A question.

    Attributes:
        text: what is asked.
        marking: of the question; the enclave's when empty. Claims have this marking at least.
        claims: whether the model is to write claims from what is found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=2000)]
    marking: Annotated[str, Field(max_length=400)] = ""
    claims: bool = True


@router.post("/questions", status_code=201)
async def ask(request: Request, database: CurrentDatabase, question: Question) -> dict[str, Any]:
    """Ask, and have the quotations at once; what the model claims follows, to be read at the question's address."""
    identifier = await asking.ask(request, question.text, question.marking, claims=question.claims)
    return await show(request, database, identifier)


@router.get("/questions/{identifier}")
async def show(request: Request, database: CurrentDatabase, identifier: UUID) -> dict[str, Any]:
    """A question of one's own, with what it quotes and what was claimed from that."""
    async with database.transaction(request, writes=False) as transaction:
        found = await asking.read(transaction, identifier)
    enclave = enclave_of(request).marking.portion
    mark(request, asking.portions(found, enclave))
    question = found["question"]
    return {
        "id": str(identifier),
        "text": question["text"],
        "marking": question["portion"],
        "state": question["state"],
        "message": question["message"],
        "quotations": [_quotation(one) for one in found["quotations"]],
        "claims": [
            {"text": one["text"], "marking": one["portion"], "proposed": True, "citations": one["citations"],
             "left_out": one["left_out"], "prompt": one["prompt"], "model": one["model"]}
            for one in found["claims"]
        ],
    }  # fmt: skip


@router.get("/documents")
async def listed(request: Request, database: CurrentDatabase) -> dict[str, Any]:
    """The newest documents of which the reader may know."""
    async with database.transaction(request, writes=False) as transaction:
        found = await documents.newest(transaction)
    mark(request, (row["banner"] for row in found))
    names = ("id", "title", "kind", "sha256", "banner", "state", "source", "created_by", "created")
    return {"documents": [{name: row[name] for name in names} for row in found]}


def _quotation(one: asking.Quotation) -> dict[str, Any]:
    row = one.row
    return {
        "document": str(row["document"]),
        "title": row["title"],
        "title_marking": row["banner"],
        "passage": row["number"],
        "place": row["place"],
        "marking": row["portion"],
        "inherited": row["inherited"],
        "quotation": one.extract.text,
        "start": one.extract.start,
        "end": one.extract.end,
        "source": row["source"],
    }
