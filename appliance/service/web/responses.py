"""Marked bodies, and the few error bodies that leave a service."""

from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict


class Classification(BaseModel):
    """The marking of one response.

    Attributes:
        marking: canonical banner text.
        derivative_source: whether the text may be a source for derivative classification (32 CFR 2001.22); what a
            model wrote may not until a person has signed it.
    """

    model_config = ConfigDict(frozen=True)

    marking: str
    derivative_source: bool = False


# The ASGI state of the request being answered: a thread that runs a handler shares this dictionary, not the variable.
current_state: ContextVar[dict[str, Any]] = ContextVar("current_state")


class MarkedJSONResponse(JSONResponse):
    """JSON whose object carries the marking of the response that is being made."""

    def render(self, content: Any) -> bytes:
        """Add ``classification`` to an object; leave other JSON to the header alone."""
        if isinstance(content, dict):
            content = {**content, "classification": current_state.get()["classification"].model_dump()}
        return bytes(super().render(content))


def not_found() -> HTTPException:
    """The one answer for what is not there and for what the reader may not know of."""
    return HTTPException(HTTPStatus.NOT_FOUND)


def error_body(status: int, message: str | None = None, *, rule: str = "", remedy: str = "") -> dict[str, Any]:
    """The body of every error, in the shape that clients of the OpenAI interface understand as well."""
    standard = HTTPStatus(status)
    error = {"message": message or standard.phrase, "type": standard.name.lower(), "code": status}
    return {"error": error | {key: text for key, text in (("rule", rule), ("remedy", remedy)) if text}}


def first_problem(error: RequestValidationError) -> str:
    """Name the first field that is wrong, without repeating what the client sent."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    return f"{field}: {problem['msg']}"
