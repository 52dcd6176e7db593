"""The documents of a pack that follow from others in it: whoever verifies a pack makes them again."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError
from appliance.host.report.evidence import checklist, page, poam
from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.controls import FILE, Table, read_table
from appliance.host.report.evidence.oscal import results, system
from appliance.host.report.evidence.oscal.common import FOLDER
from appliance.trust import canonical

ASSESSMENT = "assessment.json"
RULE = "a site's profile is one of OSCAL whose include-controls list with-ids"
SITE = "site/"
"""Where the site's own files lie."""
PROFILE, BENCHMARK = f"{SITE}profile.json", f"{SITE}benchmark.xml"
CHECKLIST = "cklb/checklist.cklb"


class _Chosen(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    with_ids: list[str] = Field(default=[], alias="with-ids")


class _Import(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    include_controls: list[_Chosen] = Field(alias="include-controls", min_length=1)


class _Profile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    imports: list[_Import] = Field(min_length=1)


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore")

    profile: _Profile


def profile_controls(data: bytes, where: str) -> tuple[str, ...]:
    """The controls that a site's own profile demands.

    Raises:
        ApplianceError: it is no OSCAL profile that names its controls one by one.
    """
    try:
        found = _Document.model_validate(canonical.decode(data, where))
    except ValidationError as error:
        raise ApplianceError(
            f"{where}: is not a profile that names its controls: {error.errors()[0]['msg']}",
            rule=RULE,
            remedy="resolve the profile first, or leave --profile out",
        ) from error
    chosen = {name for one in found.profile.imports for part in one.include_controls for name in part.with_ids}
    if not chosen:
        raise ApplianceError(f"{where}: names no control", rule=RULE, remedy="resolve the profile first")
    return tuple(sorted(chosen))


def documents(inputs: Mapping[str, bytes], table: Table, seen: Assessment) -> dict[str, bytes]:
    """All documents that follow.

    Args:
        inputs: the files of the pack that follow from nothing.
        table: the controls.
        seen: what was found.

    Raises:
        ApplianceError: the site's benchmark cannot be read.
    """
    made: dict[str, Any] = {
        "component-definition.json": system.component_definition(table, seen),
        system.SSP: system.system_security_plan(table, seen),
        results.PLAN: results.assessment_plan(table, seen),
        "assessment-results.json": results.assessment_results(table, seen),
        "poam.json": results.plan_of_action(table, seen),
    }
    if not seen.profile:
        made[system.PROFILE] = system.profile(table, seen)
    found = {f"{FOLDER}/{name}": encode(value) for name, value in made.items()}
    found["poam.csv"] = poam.poam_csv(table, seen)
    if BENCHMARK in inputs:
        found[CHECKLIST] = encode(checklist.checklist(inputs[BENCHMARK], inputs["evidence/verify.json"], seen))
    found["index.html"] = page.index(table, seen, sorted({*inputs, *found}))
    return found


def is_derived(name: str) -> bool:
    """Whether a file of a pack is one of those documents, by its name."""
    return name.startswith((f"{FOLDER}/", "cklb/")) or name in ("poam.csv", "index.html")


def inputs_of(files: Mapping[str, bytes]) -> tuple[Table, Assessment]:
    """The table and the assessment of a pack.

    Raises:
        ApplianceError: one of them is missing or not in its form.
    """
    missing = [name for name in (FILE, ASSESSMENT) if name not in files]
    if missing:
        raise ApplianceError(f"{missing[0]}: is missing", rule="all documents of a pack follow from it")
    canonical.decode(files[ASSESSMENT], ASSESSMENT)
    try:
        seen = Assessment.model_validate_json(files[ASSESSMENT])
    except ValidationError as error:
        raise ApplianceError(f"{ASSESSMENT}: {error.errors()[0]['msg']}") from error
    return read_table(files[FILE]), seen


def encode(value: Any) -> bytes:
    """JSON as it stands in a pack: indented, for people who open it."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
