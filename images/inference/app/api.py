"""The OpenAI-compatible routes below ``/inference/v1/``."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import httpx
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from appliance.contract import digest
from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.markings import Label, Restriction, controlled, parse_by_any
from appliance.service.web.current import monitor_of
from appliance.service.web.middleware import CurrentContext, token_of
from appliance.service.web.responses import MarkedJSONResponse, not_found

from .engine import Engine
from .gate import CandidateError, Gate
from .requests import ChatRequest, CompletionRequest

router = APIRouter(prefix="/inference/v1")
LOOK_SECONDS = 0.25
"""How often a running answer looks whether its model may still answer."""
RESTRICTION_HEADER = "X-Restriction"
"""Says of an answer what limits its readers: label, need-to-know groups, originator control."""


class CombinedError(ApplianceError):
    """A request holds what its asker may not read."""


class EngineError(ApplianceError):
    """The engine stopped or refused in a way that no request explains."""


@router.get("/models")
async def models(request: Request) -> dict[str, Any]:
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
    model = {"id": serving.model.name, "object": "model", "created": 0, "owned_by": "appliance", "appliance": appliance}
    return {"object": "list", "data": [model]}


@router.post("/chat/completions")
async def chat_completions(request: Request, context: CurrentContext, body: ChatRequest) -> Response:
    """Answer a conversation."""
    return await _generate(request, context, body, "/v1/chat/completions")


@router.post("/completions")
async def completions(request: Request, context: CurrentContext, body: CompletionRequest) -> Response:
    """Continue a text."""
    return await _generate(request, context, body, "/v1/completions")


async def _generate(request: Request, context: Context, body: ChatRequest | CompletionRequest, path: str) -> Response:
    engine: Engine = request.app.state.engine
    gate: Gate = request.app.state.gate
    if body.model != gate.serving.model.name or (context.job and context.model != body.model):
        raise not_found()
    gate.admit(context)
    restriction = _restriction(request, context, body)
    asked = engine.client.build_request("POST", path, json=body.for_engine())
    given = [digest.guessable(asked.content), digest.text(body.asked())]
    await _record(request, gate, given, restriction, stream=body.stream)
    try:
        answer = await engine.client.send(asked, stream=True)
    except httpx.HTTPError as error:
        raise EngineError("the engine does not answer", remedy="the administrator looks at the log") from error
    classification = request.state.classification.model_dump()
    if answer.status_code == HTTPStatus.OK and body.stream:
        events = _marked_events(_while_admitted(answer, gate, context), classification)
        headers = {RESTRICTION_HEADER: restriction.encode(), "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    content = json.loads(await answer.aread())
    if answer.status_code != HTTPStatus.OK:
        message = str(content.get("error", {}).get("message", "the engine refused the request"))
        raise HTTPException(min(answer.status_code, HTTPStatus.SERVICE_UNAVAILABLE), message)
    return MarkedJSONResponse(content, headers={RESTRICTION_HEADER: restriction.encode()})


def _restriction(request: Request, context: Context, body: ChatRequest | CompletionRequest) -> Restriction:
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
    await monitor_of(request).record(
        "model_inference_activity",
        token_of(request),
        inputs=[*given, f"sha256:{gate.serving.model.sha256}"],
        model={"name": gate.serving.model.name, "digest": f"sha256:{gate.serving.model.sha256}"},
        detail={"stream": stream},
        restriction=restriction,
    )


async def _while_admitted(answer: httpx.Response, gate: Gate, context: Context) -> AsyncGenerator[bytes]:
    """The engine's bytes while its model may answer; looked at several times a second, also while the engine is silent.

    Raises:
        CandidateError: its certificate was revoked or has ended meanwhile.
    """
    pieces = answer.aiter_raw()
    waiting: asyncio.Task[bytes] | None = None
    looked = time.monotonic()
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(pieces, b""))
            done, _ = await asyncio.wait({waiting}, timeout=LOOK_SECONDS)
            if not done or time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                gate.admit(context)
            if done:
                piece, waiting = waiting.result(), None
                if not piece:
                    return
                yield piece
    finally:
        if waiting:
            waiting.cancel()
        await answer.aclose()


async def _marked_events(pieces: AsyncGenerator[bytes], classification: dict[str, Any]) -> AsyncIterator[bytes]:
    """The engine's server-sent events, each chunk with its marking as the last member of its object.

    Where the model is withdrawn, an error that is marked too is the last event but one.

    The chunks are this process's own engine's, so the marking is put in before the closing brace: reading and writing
    each token's JSON again took some hundredths of the engine's speed.
    """
    mark = b"," + json.dumps({"classification": classification}, separators=(",", ":"))[1:].encode()
    rest = b""
    try:
        async with aclosing(pieces) as source:
            async for piece in source:
                *events, rest = (rest + piece).split(b"\n\n")
                for event in events:
                    if event.startswith(b"data: {") and event.endswith(b"}"):
                        yield event[:-1] + mark + b"\n\n"
                    elif event.startswith(b"data: "):
                        yield event + b"\n\n"
    except CandidateError as error:
        end = json.dumps({"error": {"message": error.message, "type": "model_withdrawn"}}).encode()
        yield b"data: " + end[:-1] + mark + b"\n\ndata: [DONE]\n\n"
