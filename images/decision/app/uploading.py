"""Taking a document: read in a process of its own, its markings paragraph by paragraph, then kept, held or refused."""

from typing import Any
from uuid import UUID

from fastapi import Request

from appliance.contract import digest
from appliance.markings import Restriction
from appliance.service.database import database_of
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import context_of, token_of
from workbench.citations.passages import AboveError, Marked, read, restriction_of

from .enclave import enclave_of
from .models import Upload
from .reading.isolated import paragraphs_of
from .store import documents
from .store.search import plain


async def take(request: Request, upload: Upload, declared: str, title: str, groups: list[str]) -> tuple[UUID, Marked]:
    """Take one file.

    Args:
        request: of the uploader.
        upload: the file.
        declared: the marking that they state; may be empty.
        title: what they call it; may be empty.
        groups: need-to-know groups of it.

    Raises:
        ApplianceError: it cannot be read, is unmarked or above the enclave, or is here already. Nothing of it is kept.
    """
    enclave, context = enclave_of(request), context_of(request)
    wanted = enclave.groups(context, groups)
    kind, content = await paragraphs_of(upload.name, upload.data)
    try:
        marked = read(
            content, plain(upload.name), declared=declared, enclave=enclave.marking.label,
            vocabulary=enclave.vocabulary, title=plain(title),
        )  # fmt: skip
    except AboveError:
        # Above: the digest of the file is of something that this level may not know, so it is recorded keyed.
        await monitor_of(request).record(
            "document.refuse", token_of(request), inputs=[digest.guessable(upload.data)], detail={"why": "above"}
        )
        raise
    held = bool(marked.conflicts)
    restriction = restriction_of(enclave.marking if held else marked.marking, wanted)
    markings = [enclave.marking] if held else [marked.marking, *(one.marking for one in marked.passages)]
    labels = {marking.label.encode() for marking in markings}
    async with database_of(request).transaction(request, labels) as transaction:
        identifier = await documents.add(transaction, upload, kind, marked, wanted, enclave.marking)
        # Inside the transaction: without a durable record nothing of it is there.
        file = digest.plain(upload.data)
        detail: dict[str, Any] = {"document": str(identifier), "passages": len(marked.passages)}
        await record(request, "document.hold" if held else "document.create", file, detail, restriction)
    return identifier, marked


async def record(request: Request, activity: str, file: str, detail: dict[str, Any], restriction: Restriction) -> None:
    """Record what was done with the file of a document: it comes out of its creation, and goes into the rest."""
    inputs, outputs = ([], [file]) if activity == "document.create" else ([file], [])
    await monitor_of(request).record(
        activity, token_of(request), inputs=inputs, outputs=outputs, detail=detail, restriction=restriction
    )
