"""New projects from templates, and their tasks from files."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.service.database import database_of
from appliance.service.web.middleware import context_of
from appliance.service.web.responses import not_found
from appliance.service.web.storable import json_in
from workbench.tasks import KINDS
from workbench.templates import TEMPLATES, Template

from .. import work
from ..models import NewProject, NewTask
from ..store import projects
from .shown import render

router = APIRouter(prefix="/labeling")


@router.get("/new")
async def choose_template(request: Request) -> Response:
    """The templates."""
    return render(request, "templates.html", templates=TEMPLATES, kinds=KINDS)


@router.get("/new/{template}")
async def show_template(request: Request, template: str) -> Response:
    """A form that is filled in as the template says."""
    chosen = _template(template)
    values = {"name": chosen.title, "guidelines": chosen.guidelines, "lines": _lines(chosen.schema_), "overlap": "2"}
    return _form(request, template, values)


@router.post("/new/{template}")
async def create(  # noqa: PLR0913, PLR0917 - the fields of the form
    request: Request,
    template: str,
    name: Annotated[str, Form()] = "",
    guidelines: Annotated[str, Form()] = "",
    lines: Annotated[str, Form()] = "",
    overlap: Annotated[str, Form()] = "2",
    marking: Annotated[str, Form()] = "",
    groups: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Make the project, or show what is wrong with the form and keep all that was filled in."""
    chosen = _template(template)
    values = {"name": name, "guidelines": guidelines, "lines": lines, "overlap": overlap, "marking": marking}
    try:
        new = NewProject.model_validate(
            {
                "name": name,
                "guidelines": guidelines.replace("\r\n", "\n"),
                "kind": chosen.kind,
                "schema": _schema(chosen, lines),
                "overlap": overlap,
                "marking": marking.strip() or None,
                "groups": groups,
            }
        )
        added = await work.add_project(request, new)
    except ValidationError as error:
        return _form(request, template, values, ApplianceError(first_finding(error)))
    except ApplianceError as error:
        return _form(request, template, values, error)
    return RedirectResponse(f"/labeling/projects/{added['id']}/upload", 303)


@router.get("/projects/{project}/upload")
async def show_upload(request: Request, project: UUID) -> Response:
    """What files are taken."""
    return await _upload(request, project)


@router.post("/projects/{project}/upload")
async def upload(request: Request, project: UUID, file: UploadFile) -> Response:
    """Add the tasks of a file, all or none."""
    name, content = str(file.filename or ""), await file.read()
    try:
        added = await _add(request, project, name.lower(), content)
    except ApplianceError as error:
        return await _upload(request, project, error=error)
    except ValidationError as error:
        return await _upload(request, project, error=ApplianceError(first_finding(error)))
    return await _upload(request, project, added=len(added))


async def _add(request: Request, project: UUID, name: str, content: bytes) -> list[str]:
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        what = ", but UTF-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
        raise ApplianceError(
            f"byte {error.start}: is not UTF-8{what}",
            rule="files of tasks are text in UTF-8",
            remedy="save it as UTF-8",
        ) from error
    if not text.strip():
        raise ApplianceError("the file is empty", rule="a file has at least one task", remedy="choose another file")
    if name.endswith(".csv"):
        return await work.add_table(request, project, text)
    if name.endswith(".jsonl"):
        records = [_parsed(line, f"line {n}") for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        return await work.add_tasks(request, project, [NewTask.model_validate(one) for one in records])
    if name.endswith(".json"):
        found = _parsed(text, "the file")
        if not isinstance(found, list):
            raise ApplianceError("the file: is no list of tasks", rule="a JSON file is a list", remedy="or use .jsonl")
        return await work.add_label_studio(request, project, found)
    raise ApplianceError(
        f"{name[:80] or 'the file'}: is no .jsonl, .json or .csv",
        rule="the name of a file says how it is read",
        remedy="name it by its form",
    )


def _parsed(text: str, where: str) -> Any:
    try:
        value, problem = json_in(text, where)
    except (ValueError, RecursionError) as error:
        raise ApplianceError(
            f"{where}: is no JSON", rule="RFC 8259", remedy="correct the line and try again"
        ) from error
    if problem:
        raise ApplianceError(problem, rule="RFC 8259, 4 and 8.2", remedy="correct it and try again")
    return value


async def _upload(
    request: Request, project: UUID, *, error: ApplianceError | None = None, added: int | None = None
) -> Response:
    async with database_of(request).transaction(request, writes=False) as transaction:
        found = await projects.project(transaction, project)
    fields = KINDS[found["kind"]].data_model.model_fields
    return render(
        request,
        "upload.html",
        409 if error else 200,
        project=found,
        fields=[name for name in fields if name not in {"width", "height"}],
        error=error,
        added=added,
    )


def _form(request: Request, name: str, values: dict[str, str], error: ApplianceError | None = None) -> Response:
    template = _template(name)
    what = next((part for part in ("labels", "criteria") if part in template.schema_), "")
    return render(
        request,
        "new.html",
        409 if error else 200,
        chosen=template,
        name=name,
        what=what,
        values={"marking": ""} | values,
        groups=context_of(request).groups,
        kind=KINDS[template.kind],
        error=error,
    )


def _template(name: str) -> Template:
    if name not in TEMPLATES:
        raise not_found()
    return TEMPLATES[name]


def _lines(schema: dict[str, Any]) -> str:
    """Labels or criteria, one a line, with a description behind a bar."""
    named = schema.get("labels") or schema.get("criteria") or []
    return "\n".join(
        f"{one['name']} | {one['description']}" if one.get("description") else one["name"] for one in named
    )


def _schema(template: Template, text: str) -> dict[str, Any]:
    """The schema of a template with the labels or criteria of the form; what the template says about one stays."""
    what = next((part for part in ("labels", "criteria") if part in template.schema_), None)
    if what is None:
        return template.schema_
    known = {one["name"]: one for one in template.schema_[what]}
    named = []
    for line in text.splitlines():
        name, _, description = (part.strip() for part in line.partition("|"))
        if name:
            named.append(known.get(name, {"name": name}) | ({"description": description} if description else {}))
    return template.schema_ | {what: named}
