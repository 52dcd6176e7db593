"""Pages of products: compose one from a question, read it, sign it, take it along."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from appliance.contract import digest
from appliance.errors import ApplianceError
from appliance.markings import Restriction, parse
from appliance.markings.formats.conventions import to_file_name
from appliance.service.database import CurrentDatabase
from appliance.service.web.current import CurrentContext, CurrentMonitor, CurrentToken, monitor_of
from appliance.service.web.middleware import set_marking, token_of
from appliance.service.web.responses import not_found
from workbench.citations import docx, markdown
from workbench.citations.layout import lay_out
from workbench.citations.templates import CONFIDENCES, LIKELIHOODS, TEMPLATES

from .. import asking
from ..composing import CRITERIA, OPTIONS, compose
from ..enclave import CurrentEnclave, enclave_of, render
from ..store import products

router = APIRouter(prefix="/decision")
FORMATS = {"md": ("text/markdown; charset=utf-8", markdown.write), "docx": (docx.MEDIA_TYPE, docx.write)}


@router.get("/products")
async def listed(request: Request, database: CurrentDatabase) -> Response:
    """The newest products."""
    async with database.transaction(request, writes=False) as transaction:
        found = await products.newest(transaction)
    return render(request, "products.html", (row["banner"] for row in found), products=found, templates=TEMPLATES)


@router.get("/questions/{question}/compose/{template}")
async def form(
    request: Request, database: CurrentDatabase, enclave: CurrentEnclave, question: UUID, template: str
) -> Response:
    """The form of a product, with what the question quotes and claims."""
    if template not in TEMPLATES:
        raise not_found()
    async with database.transaction(request, writes=False) as transaction:
        found = await asking.read(transaction, question)
    return render(
        request, "compose.html", asking.portions(found, enclave.marking.portion), **found, name=template,
        kind=TEMPLATES[template], likelihoods=LIKELIHOODS, confidences=CONFIDENCES, options=OPTIONS,
        criteria=CRITERIA, enclave_marking=enclave.marking.banner,
    )  # fmt: skip


@router.post("/questions/{question}/products")
async def create(request: Request, question: UUID) -> Response:
    """Compose it."""
    async with request.form(max_files=0, max_fields=200) as given:
        identifier = await compose(request, question, given)
    return RedirectResponse(f"/decision/products/{identifier}", 303)


@router.get("/products/{identifier}")
async def show(request: Request, database: CurrentDatabase, enclave: CurrentEnclave, identifier: UUID) -> Response:
    """A product as everybody who may read all of it reads it."""
    async with database.transaction(request, writes=False) as transaction:
        row, product = await products.get(transaction, identifier)
    laid = lay_out(product, row["signed_by"], enclave.vocabulary, enclave.marking.portion)
    return render(
        request, "product.html", {laid.banner}, row=row, product=product, laid=laid,
        own=product.banner(enclave.vocabulary).banner,
        controlled=Restriction.decode(row["restriction"]).originator_controlled,
    )  # fmt: skip


@router.post("/products/{identifier}/sign")
async def sign(
    request: Request,
    database: CurrentDatabase,
    token: CurrentToken,
    monitor: CurrentMonitor,
    identifier: UUID,
    sha256: Annotated[str, Form(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """Sign exactly the content that was on the page."""
    async with database.transaction(request) as transaction:
        row, product = await products.get(transaction, identifier)
        if sha256 != product.sha256 or sha256 != row["sha256"]:
            raise ApplianceError("this is not the content that was shown", remedy="read it again, then sign")
        await products.sign(transaction, row)
        await monitor.record(
            "product.sign", token, inputs=[f"sha256:{sha256}"], detail={"product": str(identifier)},
            restriction=Restriction.decode(row["restriction"]),
        )  # fmt: skip
    return RedirectResponse(f"/decision/products/{identifier}", 303)


@router.get("/products/{identifier}/export/{kind}")
async def export(
    request: Request, database: CurrentDatabase, context: CurrentContext, identifier: UUID, kind: str
) -> Response:
    """The product as a file: Markdown or Word."""
    if kind not in FORMATS:
        raise not_found()
    media_type, write = FORMATS[kind]
    enclave = enclave_of(request)
    async with database.transaction(request, writes=False) as transaction:
        row, product = await products.get(transaction, identifier)
    restriction = Restriction.decode(row["restriction"])
    if not context.reader.can_receive(restriction):
        raise ApplianceError(
            "an originator controls part of this product, and no decision of theirs covers you",
            rule="nothing under ORCON leaves without its originator's decision (docs/officer.md)",
            remedy="ask the originator, through your security officer",
        )
    laid = lay_out(product, row["signed_by"], enclave.vocabulary, enclave.marking.portion)
    file = write(laid)
    await monitor_of(request).record(
        "product.export", token_of(request), inputs=[f"sha256:{product.sha256}"], outputs=[digest.plain(file)],
        detail={"product": str(identifier), "form": kind, "signed": bool(row["signed_by"])}, restriction=restriction,
    )  # fmt: skip
    set_marking(request, laid.banner, derivative_source=bool(row["signed_by"]))
    name = f"{to_file_name(parse(laid.banner, enclave.vocabulary))} {product.template} {str(identifier)[:8]}.{kind}"
    return Response(file, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
