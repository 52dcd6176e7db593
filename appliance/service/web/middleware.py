"""The boundary of a service: nothing in without a context, nothing out without a marking."""

import re
import time
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.contract.context import HEADER, Context, ContextError, Once, Verifies, open_context
from appliance.service.settings import ServiceSettings
from appliance.service.web.responses import Classification, MarkedJSONResponse, current_state, error_body
from appliance.service.web.storable import FORM_TYPE, JSON_TYPE, problem_in

CLASSIFICATION_HEADER = "X-Classification"
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# The monitor decides on the path as sent and routes match the decoded one: what could differ is refused.
_AMBIGUOUS = re.compile(rb"//|/\.|%2e|%2f|%5c|%25|%00|\\", re.IGNORECASE)
_log = structlog.get_logger()


def context_of(request: Request) -> Context:
    """The verified context of a request."""
    context: Context = request.state.context
    return context


def token_of(request: Request) -> str:
    """The context of a request as the gateway sent it: the monitor's word for who asks, for records and grants."""
    return request.headers[HEADER]


CurrentContext = Annotated[Context, Depends(context_of)]
CurrentToken = Annotated[str, Depends(token_of)]


def set_marking(request: Request, marking: str, *, derivative_source: bool = False) -> None:
    """Mark the response to ``request`` with another banner than the enclave's; call it before making the response."""
    request.state.classification = Classification(marking=marking, derivative_source=derivative_source)


class Boundary:
    """ASGI middleware that verifies the monitor's context and marks every response.

    Args:
        app: the application behind it.
        settings: the service's settings.
        public_key: the monitor's, by which a context is known to be its own.
        max_body: largest request body, in bytes.
    """

    def __init__(self, app: ASGIApp, *, settings: ServiceSettings, public_key: Verifies, max_body: int) -> None:
        self.app = app
        self.settings = settings
        self.public_key = public_key
        self.written = Once()
        self.max_body = max_body
        self.health = f"/{settings.service}/health".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP and the lifespan is closed unanswered."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        state["classification"] = Classification(marking=self.settings.marking)
        current_state.set(state)
        started = time.perf_counter()
        status = 0

        async def marked_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[CLASSIFICATION_HEADER] = state["classification"].marking
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refusal = self._admit(scope)
            if refusal is not None:
                await MarkedJSONResponse(error_body(*refusal), refusal[0])(scope, receive, marked_send)
            else:
                received, refusal = await self._read(scope, self._limited(receive))
                if refusal:
                    await MarkedJSONResponse(error_body(*refusal), refusal[0])(scope, receive, marked_send)
                else:
                    await self.app(scope, received, marked_send)
        except Exception:
            _log.exception("request_failed")
            if status:
                raise
            await MarkedJSONResponse(error_body(500), 500)(scope, receive, marked_send)
        finally:
            self._log_request(scope, status, time.perf_counter() - started)

    def _admit(self, scope: Scope) -> tuple[int, str] | None:
        """Put the verified context on the state, or say why the request is refused."""
        if scope["raw_path"] == self.health and scope["method"] == "GET":
            return None
        try:
            context = scope["state"]["context"] = self._context(scope)
        except ContextError as error:
            _log.warning("context_refused", reason=error.message)
            return HTTPStatus.FORBIDDEN, "requests reach this service through the enclave's gateway only"
        # What a session at a higher level reads was published before: every request of it would be a write.
        if _AMBIGUOUS.search(scope["raw_path"]) or context.working != context.label:
            return HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND.phrase
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self.max_body:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large()
        return None

    def _context(self, scope: Scope) -> Context:
        tokens = Headers(scope=scope).getlist(HEADER)
        context = open_context(
            tokens[0] if len(tokens) == 1 else "",
            self.public_key,
            service=self.settings.service,
            method=scope["method"],
            path=scope["raw_path"].decode("ascii", "replace"),
        )
        if context.enclave != self.settings.enclave or context.label != self.settings.label:
            raise ContextError("the context is of another enclave")
        if not context.reads:
            self.written.take(context)
        return context

    async def _read(self, scope: Scope, receive: Receive) -> tuple[Receive, tuple[int, str] | None]:
        """What hands the body on, and why it is refused; a body that is no JSON and no form is handed on unread."""
        kind = Headers(scope=scope).get("content-type", "")
        if scope["method"] in {"GET", "HEAD"} or not kind.startswith((JSON_TYPE, FORM_TYPE)):
            return receive, None
        body, more = b"", True
        while more:
            try:
                message = await receive()
            except HTTPException as error:
                return receive, (error.status_code, error.detail)
            if message["type"] != "http.request":
                break
            body, more = body + message.get("body", b""), message.get("more_body", False)
        handed = False

        async def again() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        problem = problem_in(body, kind)
        return again, (HTTPStatus.UNPROCESSABLE_ENTITY, problem) if problem else None

    def _limited(self, receive: Receive) -> Receive:
        """Count the body as it comes: a chunked one announces no length."""
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_body:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            return message

        return limited

    def _too_large(self) -> str:
        return f"the request body is larger than {self.max_body} bytes"

    def _log_request(self, scope: Scope, status: int, seconds: float) -> None:
        if scope["raw_path"] == self.health:
            return
        context = scope["state"].get("context")
        _log.info(
            "request",
            request=context.request if context else None,
            subject=context.subject if context else None,
            method=scope["method"],
            path=scope["raw_path"].decode("ascii", "replace"),
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )
