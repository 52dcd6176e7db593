"""The page below ``/inference/``: ask the enclave's model and read its marked answer."""

from fastapi import APIRouter, Request, Response

from appliance.service.web.current import CurrentContext, CurrentPages

from .gate import Gate

router = APIRouter(prefix="/inference")


@router.get("/")
async def ask(request: Request, context: CurrentContext, pages: CurrentPages) -> Response:
    """A conversation with the model, which the browser keeps, and what the model is certified for."""
    gate: Gate = request.app.state.gate
    return pages.render(
        request,
        "ask.html",
        model=gate.serving.model.name,
        serving=gate.serving,
        standing=gate.standing(),
        limit=gate.serving.parameters["maximum_tokens"],
        context=gate.serving.parameters["context"],
        writable=context.working == context.label,
    )
