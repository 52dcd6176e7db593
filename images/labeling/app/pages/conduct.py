"""The settings of a project: guidelines, pause, deadline and team, and how they changed."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.service.database import database_of

from .. import conduct
from ..models import NewSetting
from ..store import conduct as store
from ..store import projects
from .shown import render

router = APIRouter(prefix="/labeling/projects/{project}/review/settings")


@router.get("")
async def show_settings(request: Request, project: UUID) -> Response:
    """The settings of today in a form, and those before."""
    return await _show(request, project)


@router.post("")
async def change_settings(
    request: Request,
    project: UUID,
    number: Annotated[int, Form(ge=0)],
    guidelines: Annotated[str, Form()] = "",
    deadline: Annotated[str, Form()] = "",
    team: Annotated[str, Form()] = "",
    paused: Annotated[bool, Form()] = False,
) -> Response:
    """Change them, or show what is wrong with the form and keep all that was filled in."""
    values = {
        "number": number,
        "guidelines": guidelines.replace("\r\n", "\n"),
        "paused": paused,
        "deadline": _utc(deadline),
        "team": tuple(dict.fromkeys(line.strip() for line in team.splitlines() if line.strip())),
    }
    try:
        await conduct.change(request, project, NewSetting.model_validate(values))
    except ValidationError as error:
        return await _show(request, project, ApplianceError(first_finding(error)), values)
    except ApplianceError as error:
        return await _show(request, project, error, values)
    return RedirectResponse(f"/labeling/projects/{project}/review/settings", 303)


async def _show(
    request: Request, project: UUID, error: ApplianceError | None = None, values: dict[str, Any] | None = None
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
        history = await store.history(transaction, project)
    filled = found | (values or {}) | {"number": found["setting"]}
    if isinstance(filled["deadline"], datetime):
        filled["deadline"] = filled["deadline"].strftime("%Y-%m-%dT%H:%M")
    return render(
        request, "settings.html", 409 if error else 200, project=found, values=filled, history=history, error=error
    )


def _utc(text: str) -> str | None:
    """What a form says as local time, taken as UTC; whatever else it says, for the model to refuse."""
    return (f"{text}Z" if "T" in text and not text.endswith("Z") else text) or None
