"""Answers that go out as they are made: each event with its marking, and none after the model's certificate falls."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from .wire import Answer, EngineError

LOOK_SECONDS = 0.5
"""How often a running stream asks whether its model may still answer."""


async def marked_events(pieces: AsyncIterator[bytes], classification: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """The engine's server-sent events, each with its marking as the last member of its object.

    The events are this process's own engine's, so the marking is put in before the closing brace: reading and writing
    each token's JSON again took some hundredths of the engine's speed.
    """
    mark = b"," + json.dumps({"classification": classification}, separators=(",", ":"))[1:].encode()
    rest = b""
    async for piece in pieces:
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            named = event.startswith(b"event: ")
            data = event.partition(b"\n")[2] if named else event
            if data.startswith(b"data: {") and data.endswith(b"}"):
                yield event[:-1] + mark + b"\n\n"
            elif data == b"data: [DONE]":
                yield event + b"\n\n"


class MarkedStream(Response):
    """The events of one answer, sent as they come.

    The engine stops when the client goes away, or when the model may not answer any more: then a last, marked event
    says so.

    Args:
        answer: of the engine.
        classification: marking of each event.
        allowed: None while the model may answer this request, else why it may not any more.
        headers: of the response.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        answer: Answer,
        classification: dict[str, Any],
        allowed: Callable[[], str | None],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(headers=dict(headers) | {"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._answer = answer
        self._classification = classification
        self._allowed = allowed
        self._withdrawn: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's form
        """Send it."""
        watch = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            with contextlib.suppress(EngineError):  # what ends early has no [DONE], and clients know
                async for event in marked_events(self._answer.pieces(), self._classification):
                    await send(_body(event, more=True))
            if self._withdrawn is not None:
                await send(_body(self._last(self._withdrawn), more=True))
            await send(_body(b"", more=False))
        finally:
            watch.cancel()
            self._answer.close()

    async def _watch(self, receive: Receive) -> None:
        """Stop the engine once nobody reads its answer, or it may not be given."""
        gone = asyncio.ensure_future(receive())
        try:
            while not gone.done() and self._withdrawn is None:
                await asyncio.wait({gone}, timeout=LOOK_SECONDS)
                self._withdrawn = self._allowed()
        finally:
            gone.cancel()
            self._answer.close()

    def _last(self, reason: str) -> bytes:
        error = {"message": reason, "type": "certificate_withdrawn", "code": 409}
        return f"data: {json.dumps({'error': error, 'classification': self._classification})}\n\n".encode()


def _body(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
