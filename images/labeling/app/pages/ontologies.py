"""The classes of a project: chosen in a table, changed after a preview, and the way back."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.errors import ApplianceError, first_finding

from .. import ontologies
from ..models import Migration, NewMigration, Undo
from .shown import render

router = APIRouter(prefix="/labeling")
SHOWN = 500
"""Classes that are shown with a box to choose them; others are named."""


class Asked(BaseModel):
    """What the form says.

    Attributes:
        step: look at a change or at the way back, or do it.
        number: of the classes that the page showed.
        change: what is done to the classes.
        label: the classes that were chosen in the table.
        others: more of them, one a line.
        to: the new name; of a split one a line.
        undoes: the change that is taken back.
        reason: why.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Literal["preview", "change", "preview undo", "undo"] = "preview"
    number: int = 0
    change: Literal["rename", "merge", "split", "relabel"] = "rename"
    label: list[str] = []
    others: str = ""
    to: str = ""
    undoes: int = 0
    reason: str = ""

    @property
    def chosen(self) -> list[str]:
        """All classes that it names."""
        return [*self.label, *_lines(self.others)]

    def wanted(self) -> Migration | NewMigration | Undo:
        """The change that it asks for; a preview has no reason yet.

        Raises:
            ApplianceError: the number of classes or names does not fit.
            ValidationError: a name is none.
        """
        if self.step in ("preview undo", "undo"):
            reason = self.reason if self.step == "undo" else "preview"
            return Undo(number=self.number, undoes=self.undoes, reason=reason)
        value = {"number": self.number, "changes": [self._change()]}
        if self.step == "preview":
            return Migration.model_validate(value)
        return NewMigration.model_validate(value | {"reason": self.reason})

    def _change(self) -> dict[str, Any]:
        names = _lines(self.to)
        if self.change == "merge":
            return {"change": "merge", "labels": self.chosen, "into": _one(names, "name")}
        label = _one(self.chosen, "class")
        if self.change == "split":
            return {"change": "split", "label": label, "into": names}
        return {"change": self.change, "label": label, "to": _one(names, "name")}


@router.get("/projects/{project}/review/ontology")
async def show_ontology(request: Request, project: UUID) -> Response:
    """The classes, what changed, and which tasks wait for a person."""
    return await _show(request, project, Asked())


@router.post("/projects/{project}/review/ontology")
async def change(request: Request, project: UUID, asked: Annotated[Asked, Form()]) -> Response:
    """Look at a change first, then make it; if it is not possible, say why and keep what was filled in."""
    try:
        wanted = asked.wanted()
        if asked.step in ("preview", "preview undo"):
            return await _show(request, project, asked, preview=(await ontologies.preview(request, project, wanted))[1])
        if isinstance(wanted, NewMigration | Undo):
            await ontologies.change(request, project, wanted)
    except ValidationError as error:
        return await _show(request, project, asked, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return await _show(request, project, asked, error)
    return RedirectResponse(f"/labeling/projects/{project}/review/ontology", 303)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _one(given: list[str], what: str) -> str:
    if len(given) != 1:
        raise ApplianceError(
            f"{len(given)} {what}s are given",
            rule=f"this change is about one {what}; a merge takes several classes, and a split several names",
            remedy=f"give one {what}",
        )
    return given[0]


async def _show(
    request: Request,
    project: UUID,
    asked: Asked,
    error: ApplianceError | None = None,
    preview: dict[str, Any] | None = None,
) -> Response:
    state, counted = await ontologies.show(request, project)
    return render(
        request,
        "ontology.html",
        409 if error else 200,
        project=state.project,
        labels=state.labels[:SHOWN],
        more=max(len(state.labels) - SHOWN, 0),
        counted=counted,
        history=list(reversed(state.history)),
        undone={row["undoes"] for row in state.history},
        last=state.last,
        asked=asked,
        preview=preview,
        error=error,
    )
