"""What the appliance is and does: component definition, profile, and system security plan."""

from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.controls import Control, Responsibility, Table
from appliance.host.report.evidence.oscal.common import CATALOGUE, Json, facts, identify, metadata, moment, prop, said

PROFILE = "profile.json"
SSP = "ssp.json"
THIS_SYSTEM = "this-system"
NAME = "MLS appliance"


def component_definition(table: Table, seen: Assessment) -> Json:
    """The parts of the appliance, and which controls each implements how."""
    components = [
        {
            "uuid": identify("part", name),
            "type": "software",
            "title": part.title,
            "description": part.description,
            "props": [prop("code", path) for path in part.code],
            "control-implementations": [
                {
                    "uuid": identify("implementation", name),
                    "source": CATALOGUE,
                    "description": f"What {part.title.lower()} does for controls of NIST SP 800-53 Rev. 5.",
                    "implemented-requirements": [_requirement(one) for one in table.controls if one.part == name],
                }
            ],
        }
        for name, part in sorted(table.parts.items())
    ]
    return {
        "component-definition": {
            "uuid": identify("component-definition", seen.version, moment(seen.time)),
            "metadata": metadata(f"{NAME}: component definition", seen),
            "components": components,
        }
    }


def profile(table: Table, seen: Assessment) -> Json:
    """The controls of the table, where the site gave no profile of its own."""
    chosen = sorted(control.oscal_id for control in table.controls)
    return {
        "profile": {
            "uuid": identify("profile", seen.version, moment(seen.time)),
            "metadata": metadata("The controls that the appliance speaks of; no baseline of a site", seen),
            "imports": [{"href": CATALOGUE, "include-controls": [{"with-ids": chosen}]}],
        }
    }


def system_security_plan(table: Table, seen: Assessment) -> Json:
    """How the site's system meets the controls, as far as the appliance can say."""
    parts = [
        {
            "uuid": identify("part", name),
            "type": "software",
            "title": part.title,
            "description": part.description,
            "status": {"state": "operational"},
        }
        for name, part in sorted(table.parts.items())
    ]
    whole = {
        "uuid": identify(THIS_SYSTEM, seen.site),
        "type": THIS_SYSTEM,
        "title": f"The site {seen.site}",
        "description": "The host, its room, its network and its people.",
        "status": {"state": "operational"},
    }
    return {
        "system-security-plan": {
            "uuid": identify("ssp", seen.site, moment(seen.time)),
            "metadata": metadata(f"System security plan of {seen.site}, the appliance's part", seen),
            "import-profile": {"href": f"../site/{PROFILE}" if seen.profile else PROFILE},
            "system-characteristics": _characteristics(seen),
            "system-implementation": {
                "users": [{"uuid": identify("users"), "title": "Subjects of the site's registry"}],
                "components": [whole, *parts],
            },
            "control-implementation": {
                "description": "As far as the appliance can say; what is the site's alone is said by name.",
                "implemented-requirements": [
                    *(_met(control, seen) for control in table.controls),
                    *(_unsaid(name, seen) for name in seen.unstated(table)),
                ],
            },
        }
    }


def _requirement(control: Control) -> Json:
    made: Json = {
        "uuid": identify("requirement", control.id),
        "control-id": control.oscal_id,
        "description": said(control),
        "props": facts(control),
    }
    if control.parameters:
        given = sorted(control.parameters.items())
        made["set-parameters"] = [{"param-id": name, "values": [value]} for name, value in given]
    return made


def _met(control: Control, seen: Assessment) -> Json:
    by = []
    if control.part:
        partly = "partial" if control.responsibility is Responsibility.SHARED else "implemented"
        by.append(_by(control.id, identify("part", control.part), control.statement, partly))
    if control.site:
        by.append(_by(f"{control.id} site", identify(THIS_SYSTEM, seen.site), control.site, "planned"))
    return {
        "uuid": identify("met", control.id),
        "control-id": control.oscal_id,
        "props": facts(control),
        "by-components": by,
    }


def _unsaid(name: str, seen: Assessment) -> Json:
    text = "The appliance says nothing of this control; the site does."
    by = _by(f"{name} site", identify(THIS_SYSTEM, seen.site), text, "planned")
    return {"uuid": identify("met", name), "control-id": name, "by-components": [by]}


def _by(name: str, component: str, text: str, state: str) -> Json:
    return {
        "component-uuid": component,
        "uuid": identify("by", name),
        "description": text,
        "implementation-status": {"state": state},
    }


def _characteristics(seen: Assessment) -> Json:
    return {
        "system-ids": [{"identifier-type": "https://ietf.org/rfc/rfc4122", "id": identify(THIS_SYSTEM, seen.site)}],
        "system-name": seen.site,
        "description": "A disconnected host: people label data, evaluate models and query them at several levels.",
        "security-sensitivity-level": "high",
        "system-information": {
            "information-types": [
                {
                    "title": f"Information up to {seen.marking}",
                    "description": "As the labels of the site's enclaves say; the site categorizes it.",
                }
            ]
        },
        "security-impact-level": {
            "security-objective-confidentiality": "high",
            "security-objective-integrity": "high",
            "security-objective-availability": "moderate",
        },
        "status": {"state": "operational"},
        "authorization-boundary": {"description": "The host with all that the appliance runs on it, and its media."},
    }
