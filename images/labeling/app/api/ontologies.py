"""The classes of a project: how they changed, what a change would do, changing them and the way back.

The action is ``review``.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from .. import ontologies
from ..models import Migration, NewMigration, Undo

router = APIRouter(prefix="/labeling/api")


@router.get("/projects/{project}/review/ontology")
async def show_ontology(request: Request, project: UUID) -> dict[str, Any]:
    """The classes of today, in how many answers each is, what changed, and which tasks wait for a person."""
    state, counted = await ontologies.show(request, project)
    return {
        "number": state.project["ontology"],
        "classes": [
            one.model_dump(exclude_none=True) | {"answers": counted["counts"][one.name]} for one in state.labels
        ],
        "history": [{name: value for name, value in row.items() if name != "schema"} for row in state.history],
        "last": state.last,
        "waiting": counted["waiting"],
    }


@router.post("/projects/{project}/review/ontology/preview")
async def preview(request: Request, project: UUID, new: Migration) -> dict[str, Any]:
    """How many answers a change would change, of whom, and which would need a person; nothing is changed."""
    return (await ontologies.preview(request, project, new))[1]


@router.post("/projects/{project}/review/ontology", status_code=201)
async def change(request: Request, project: UUID, new: NewMigration) -> dict[str, Any]:
    """Change the classes; the log has it first. Answers keep what their authors said."""
    return await ontologies.change(request, project, new)


@router.post("/projects/{project}/review/ontology/undo", status_code=201)
async def undo(request: Request, project: UUID, new: Undo) -> dict[str, Any]:
    """Take the last change back."""
    return await ontologies.change(request, project, new)


@router.post("/projects/{project}/review/ontology/undo/preview")
async def preview_undo(request: Request, project: UUID, new: Undo) -> dict[str, Any]:
    """What taking the last change back would do; nothing is changed."""
    return (await ontologies.preview(request, project, new))[1]
