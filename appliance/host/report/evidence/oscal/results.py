"""What was asked and found: assessment plan, assessment results, and plan of action and milestones.

OSCAL knows a finding as satisfied or not. What was not tested is therefore written as not satisfied, for the reason
``other``, and says in a property of its own that it was not tested: whoever does not know the property errs on the safe
side, and whoever does keeps the three apart.
"""

from appliance.host.report.evidence.assessment import Assessment, Outcome, why_not_tested
from appliance.host.report.evidence.controls import Control, State, Table
from appliance.host.report.evidence.oscal.common import Json, identify, metadata, moment, prop, said, selected
from appliance.host.report.evidence.oscal.system import SSP

PLAN = "assessment-plan.json"
REASONS = {State.SATISFIED: "pass", State.NOT_SATISFIED: "fail", State.NOT_TESTED: "other"}
UNSAID = "the site's profile demands it, and the appliance says nothing of it"


def assessment_plan(table: Table, seen: Assessment) -> Json:
    """Each check as an activity, with the controls that rest on it."""
    activities = [
        {
            "uuid": identify("activity", name),
            "title": name,
            "description": f"The check {name!r} on the host that runs.",
            "props": [{"name": "method", "value": "TEST"}],
            "related-controls": selected(one.oscal_id for one in table.controls if name in one.checks),
        }
        for name in table.checks
    ]
    return {
        "assessment-plan": {
            "uuid": identify("plan", seen.site, moment(seen.time)),
            "metadata": metadata(f"Assessment plan of {seen.site}", seen),
            "import-ssp": {"href": SSP},
            "local-definitions": {"activities": activities},
            "reviewed-controls": selected(_ids(table, seen)),
        }
    }


def assessment_results(table: Table, seen: Assessment) -> Json:
    """One observation for each check, and one finding for each control."""
    return {
        "assessment-results": {
            "uuid": identify("results", seen.site, moment(seen.time)),
            "metadata": metadata(f"Assessment results of {seen.site}", seen),
            "import-ap": {"href": PLAN},
            "results": [
                {
                    "uuid": identify("result", seen.site, moment(seen.time)),
                    "title": "What the host itself showed",
                    "description": "Made by the appliance on its own host; it replaces no assessor.",
                    "start": moment(seen.time),
                    "end": moment(seen.time),
                    "props": [prop(state.value.replace(" ", "-"), str(n)) for state, n in seen.counts(table).items()],
                    "reviewed-controls": selected(_ids(table, seen)),
                    "observations": [_observation(one, seen) for one in seen.outcomes],
                    "findings": [
                        *(_finding(control, seen) for control in table.controls),
                        *(_unsaid(name) for name in seen.unstated(table)),
                    ],
                }
            ],
        }
    }


def plan_of_action(table: Table, seen: Assessment) -> Json:
    """Everything that is not satisfied, and everything that was not tested, each called so."""
    items = [_item(control, seen) for control in table.controls if seen.state(control) is not State.SATISFIED]
    unsaid = [_unsaid_item(name) for name in seen.unstated(table)]
    shown = [outcome for outcome in seen.outcomes if outcome.state is not State.SATISFIED]
    nothing = {
        "uuid": identify("item", "none"),
        "title": "Nothing is open",
        "description": "Every control of the table is satisfied.",
    }
    return {
        "plan-of-action-and-milestones": {
            "uuid": identify("poam", seen.site, moment(seen.time)),
            "metadata": metadata(f"Plan of action and milestones of {seen.site}", seen),
            "import-ssp": {"href": SSP},
            **({"observations": [_observation(one, seen) for one in shown]} if shown else {}),
            "poam-items": [*items, *unsaid] or [nothing],
        }
    }


def _ids(table: Table, seen: Assessment) -> list[str]:
    return [*(control.oscal_id for control in table.controls), *seen.unstated(table)]


def _observation(outcome: Outcome, seen: Assessment) -> Json:
    made: Json = {
        "uuid": identify("observation", outcome.check),
        "title": outcome.check,
        "description": outcome.found,
        "props": [prop("state", outcome.state.value)],
        "methods": ["TEST"],
        "collected": moment(seen.time),
    }
    if outcome.evidence:
        made["relevant-evidence"] = [
            {"href": f"../{path}", "description": f"What the check {outcome.check!r} saw."} for path in outcome.evidence
        ]
    return made


def _finding(control: Control, seen: Assessment) -> Json:
    state = seen.state(control)
    made = _verdict(control.oscal_id, f"{control.id} {control.title}", said(control), state)
    found = seen.of(control)
    if found:
        made["related-observations"] = [{"observation-uuid": identify("observation", one.check)} for one in found]
    else:
        made["target"]["status"]["remarks"] = why_not_tested(control)
    return made


def _unsaid(name: str) -> Json:
    made = _verdict(name, name.upper(), UNSAID, State.NOT_TESTED)
    made["target"]["status"]["remarks"] = UNSAID
    return made


def _verdict(name: str, title: str, text: str, state: State) -> Json:
    satisfied = "satisfied" if state is State.SATISFIED else "not-satisfied"
    return {
        "uuid": identify("finding", name),
        "title": title,
        "description": text,
        "props": [prop("state", state.value)],
        "target": {
            "type": "statement-id",
            "target-id": f"{name}_smt",
            "status": {"state": satisfied, "reason": REASONS[state]},
        },
    }


def _item(control: Control, seen: Assessment) -> Json:
    state = seen.state(control)
    found = [one for one in seen.of(control) if one.state is not State.SATISFIED]
    made: Json = {
        "uuid": identify("item", control.id),
        "title": f"{control.id} {control.title}: {state.value}",
        "description": "; ".join(f"{one.check}: {one.found}" for one in found) or why_not_tested(control),
        "props": [prop("state", state.value), prop("control", control.oscal_id)],
    }
    if found:
        made["related-observations"] = [{"observation-uuid": identify("observation", one.check)} for one in found]
    return made


def _unsaid_item(name: str) -> Json:
    return {
        "uuid": identify("item", name),
        "title": f"{name.upper()}: {State.NOT_TESTED.value}",
        "description": UNSAID,
        "props": [prop("state", State.NOT_TESTED.value), prop("control", name)],
    }
