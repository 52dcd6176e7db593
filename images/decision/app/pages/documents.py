"""Pages of documents: what is here, one with all its passages, uploads, and what is held back."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from appliance.errors import ApplianceError, first_finding
from appliance.markings import Restriction
from appliance.service.database import CurrentDatabase
from appliance.service.web.current import CurrentContext

from ..enclave import render
from ..models import Source, Upload
from ..store import documents
from ..store.search import plain
from ..uploading import record, take

router = APIRouter(prefix="/decision")


@router.get("/documents")
async def listed(request: Request, database: CurrentDatabase, context: CurrentContext) -> Response:
    """The newest documents, and the form that adds some."""
    async with database.transaction(request, writes=False) as transaction:
        found = await documents.newest(transaction)
    return render(
        request, "documents.html", (row["banner"] for row in found), documents=found, groups=sorted(context.groups)
    )


@router.post("/documents")
async def add(request: Request) -> Response:
    """Take one file; it is read at once, and shown with the markings that were found in it."""
    async with request.form(max_files=1, max_fields=60) as form:
        file = form.get("files")
        if not isinstance(file, UploadFile):
            raise ApplianceError("files: there is none", rule="one file at a time")
        said = {name: _text(form, name) for name in Source.model_fields}
        try:
            upload = Upload(name=file.filename or "", data=await file.read(), source=Source.model_validate(said))
        except ValidationError as error:
            raise ApplianceError(first_finding(error), rule="the form of a document") from error
        groups = [str(group) for group in form.getlist("groups")]
        identifier, _ = await take(request, upload, _text(form, "marking"), _text(form, "title"), groups)
    return RedirectResponse(f"/decision/documents/{identifier}", 303)


def _text(form: FormData, name: str) -> str:
    return plain(str(form.get(name) or ""))


@router.get("/documents/{identifier}")
async def show(request: Request, database: CurrentDatabase, context: CurrentContext, identifier: UUID) -> Response:
    """A document, passage by passage, each with its mark and its place; ``#p12`` is its twelfth."""
    async with database.transaction(request, writes=False) as transaction:
        document, passages = await documents.get(transaction, identifier)
    marks = {document["banner"], *(row["portion"] for row in passages)}
    source = Source.model_validate(document["source"])
    mine = document["created_by"] == context.subject
    return render(
        request, "document.html", marks, document=document, passages=passages, source=source, mine=mine,
        groups=sorted(Restriction.decode(document["restriction"]).groups),
    )  # fmt: skip


@router.post("/documents/{identifier}/{deed}")
async def decide(
    request: Request,
    database: CurrentDatabase,
    context: CurrentContext,
    identifier: UUID,
    deed: str,
) -> Response:
    """Withdraw a document of one's own, or let one that is held back be found, all of it at the enclave's marking."""
    async with database.transaction(request) as transaction:
        document, passages = await documents.get(transaction, identifier)
        if deed == "withdraw" and document["created_by"] == context.subject:
            await documents.withdraw(transaction, document, passages)
            activity, target = "document.withdraw", "/decision/documents"
        elif deed == "release" and document["state"] == "held" and document["created_by"] != context.subject:
            await documents.release(transaction, document)
            activity, target = "document.create", f"/decision/documents/{identifier}"
        else:
            raise ApplianceError(
                "this cannot be done with this document",
                rule="who uploaded a document withdraws it; another person releases one that is held back",
            )
        restriction = Restriction.decode(document["restriction"])
        file, detail = f"sha256:{document['sha256']}", {"document": str(identifier)}
        await record(request, activity, file, detail, restriction)
    return RedirectResponse(target, 303)
