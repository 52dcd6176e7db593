"""The OpenAI-compatible routes below ``/inference/v1/``."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from appliance.contract import digest
from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction, controlled, parse_by_any
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import MarkedJSONResponse, not_found

from .engine import Engine
from .gate import Gate
from .requests import ChatRequest, CompletionRequest, ResponseRequest
from .sampling import steps
from .shapes import shaped
from .stream import MarkedStream
from .wire import Answer

router = APIRouter(prefix="/inference/v1")
_Body = ChatRequest | CompletionRequest | ResponseRequest
MODEL_HEADER = "X-Model"
"""Says of an answer by which files it was computed: the digest of the model, and of its adapter."""
RESTRICTION_HEADER = "X-Restriction"
"""Says of an answer what limits its readers: label, need-to-know groups, originator control."""


class CombinedError(ApplianceError):
    """A request holds what its asker may not read."""


@router.get("/models")
async def models(request: Request) -> dict[str, Any]:
    """The models that answer here: one."""
    return {"object": "list", "data": [_described(request)]}


@router.get("/models/{name}")
async def model(request: Request, name: str) -> dict[str, Any]:
    """One of them."""
    found = _described(request)
    if found["id"] != name:
        raise not_found()
    return found


def _described(request: Request) -> dict[str, Any]:
    """The model, its standing, and what a certificate must name."""
    gate: Gate = request.app.state.gate
    standing = gate.standing()
    serving = gate.serving
    appliance = {
        "state": "certified" if standing.certified else "candidate",
        "reason": standing.reason,
        "certificate": standing.certificate,
        "serving": serving.model_dump(mode="json"),
    }
    return {"id": serving.model.name, "object": "model", "created": 0, "owned_by": "appliance", "appliance": appliance}


@router.post("/chat/completions")
async def chat_completions(request: Request, context: CurrentContext, body: ChatRequest) -> Response:
    """Answer a conversation."""
    return await _generate(request, context, body, "/v1/chat/completions")


@router.post("/completions")
async def completions(request: Request, context: CurrentContext, body: CompletionRequest) -> Response:
    """Continue a text."""
    return await _generate(request, context, body, "/v1/completions")


@router.post("/responses")
async def responses(request: Request, context: CurrentContext, body: ResponseRequest) -> Response:
    """Answer a conversation, in the newer form of the interface."""
    return await _generate(request, context, body, "/v1/responses")


async def _generate(request: Request, context: Context, body: _Body, path: str) -> Response:
    engine: Engine = request.app.state.engine
    gate: Gate = request.app.state.gate
    if body.model != gate.serving.model.name or (context.job and context.model != body.model):
        raise not_found()
    gate.admit(context)
    restriction = _restriction(request, context, body).join(engine.restriction)
    asked = body.for_engine()
    content = json.dumps(
        asked | steps(asked, engine.parameters.samplers), ensure_ascii=False, separators=(",", ":")
    ).encode()
    given = [digest.guessable(content), digest.text(body.asked())]
    await _record(request, gate, given, restriction, stream=body.stream)
    answer = await Answer.to(engine.socket, path, content)
    headers = {RESTRICTION_HEADER: restriction.encode(), MODEL_HEADER: engine.identity}
    if answer.status == HTTPStatus.OK and body.stream:
        marking = request.state.classification.model_dump()
        return MarkedStream(answer, marking, lambda: gate.withdrawn(context), headers)
    found = await answer.json()
    if answer.status != HTTPStatus.OK:
        message = str(found.get("error", {}).get("message", "the engine refused the request"))
        raise HTTPException(min(answer.status, HTTPStatus.SERVICE_UNAVAILABLE), message)
    return MarkedJSONResponse(shaped(body, found), headers=headers)


def _restriction(request: Request, context: Context, body: _Body) -> Restriction:
    """What limits who may have the answer: the join of the model's restriction and of all that the request holds.

    The model is the enclave's. What a job asks holds what the job uses.

    Raises:
        CombinedError: the asker says that the request holds what they may not read.
    """
    marking = request.state.classification.marking
    model = Restriction(
        Label.decode(context.label), originator_controlled=controlled(parse_by_any(marking).obligations)
    )
    holds = frozenset(body.need_to_know) | frozenset(context.groups if context.job else ())
    if not holds <= context.reader.groups:
        raise CombinedError(
            "the request holds information of a need-to-know group that you are no member of",
            rule="who asks may read all that goes into the answer",
            remedy="leave out what is not yours to read, or name your own groups in need_to_know",
        )
    return model.join(Restriction(model.label, holds))


async def _record(request: Request, gate: Gate, given: list[str], restriction: Restriction, *, stream: bool) -> None:
    adapter = gate.serving.parameters.get("adapter")
    files = [f"sha256:{gate.serving.model.sha256}", *([f"sha256:{adapter['sha256']}"] if adapter else [])]
    await monitor_of(request).record(
        "model_inference_activity",
        token_of(request),
        inputs=[*given, *files],
        model={"name": gate.serving.model.name, "digest": f"sha256:{gate.serving.model.sha256}"},
        detail={"stream": stream},
        restriction=restriction,
    )
