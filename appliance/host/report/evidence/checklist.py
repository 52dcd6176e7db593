"""A checklist for STIG Viewer 3 (CKLB), made from a site's own benchmark and from the settings that the host checked.

A rule of the benchmark is answered by the settings that name its requirement (SRG) as their source. Several may: the
worst of them counts. A rule that no setting names was not reviewed.
"""

import json
from xml.etree.ElementTree import Element

from appliance.errors import ApplianceError
from appliance.host.report.evidence.archive import sha256
from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.oscal.common import Json, identify
from appliance.markings.formats.safe_xml import UnsafeXmlError, local, parse_xml, text_of

MAXIMUM = 16 << 20
STATUS = {"absent": "not_applicable", "holds": "not_a_finding", "excepted": "open", "fails": "open"}
ORDER = ("not_applicable", "not_a_finding", "open")
RULE = "a benchmark is XCCDF: Benchmark with groups that have a rule each (NIST SP 800-126)"


def checklist(benchmark: bytes, verified: bytes, seen: Assessment) -> Json:
    """The checklist.

    Args:
        benchmark: the site's XCCDF file.
        verified: ``evidence/verify.json``, which has the settings.
        seen: what was found; names the site.

    Raises:
        ApplianceError: the benchmark is none.
    """
    try:
        root = parse_xml(benchmark, maximum_bytes=MAXIMUM)
    except UnsafeXmlError as error:
        raise ApplianceError(
            f"the benchmark: {error}", rule=RULE, remedy="give the XCCDF file of the benchmark"
        ) from error
    groups = [element for element in root.iter() if local(element.tag) == "Group"]
    if local(root.tag) != "Benchmark" or not groups:
        raise ApplianceError("the benchmark has no groups", rule=RULE, remedy="give the XCCDF file of the benchmark")
    settings = json.loads(verified).get("controls", [])
    stig = identify("benchmark", sha256(benchmark))
    rules = [_rule(group, stig, settings) for group in groups]
    name, title = root.get("id", ""), _text(root, "title")
    return {
        "title": f"{title} {seen.marking}",
        "id": identify("checklist", stig, seen.site, seen.time.isoformat()),
        "stigs": [
            {
                "stig_name": title,
                "display_name": title,
                "stig_id": name,
                "release_info": _text(root, "plain-text"),
                "version": _text(root, "version"),
                "uuid": stig,
                "reference_identifier": name,
                "size": len(rules),
                "rules": rules,
            }
        ],
        "active": True,
        "mode": 1,
        "has_path": False,
        "target_data": {
            "target_type": "Computing",
            "host_name": seen.site,
            "ip_address": "",
            "mac_address": "",
            "fqdn": "",
            "comments": f"{seen.marking}{' DEMO' if seen.demo else ''}",
            "role": "None",
            "is_web_database": False,
            "technology_area": "",
            "web_db_site": "",
            "web_db_instance": "",
            "classification": seen.marking,
        },
        "cklb_version": "1.0",
    }


def _rule(group: Element, stig: str, settings: list[dict[str, str]]) -> Json:
    rule = next((element for element in group if local(element.tag) == "Rule"), group)
    names = {_text(group, "title"), _text(rule, "version")}
    asked = [one for one in settings if names & {part.strip() for part in one["source"].split(";")}]
    status = max((STATUS[one["state"]] for one in asked), key=ORDER.index, default="not_reviewed")
    idents = [text_of(element) for element in rule if local(element.tag) == "ident"]
    return {
        "uuid": identify("rule", stig, group.get("id", ""), rule.get("id", "")),
        "stig_uuid": stig,
        "group_id": group.get("id", ""),
        "group_id_src": group.get("id", ""),
        "rule_id": rule.get("id", "").removesuffix("_rule"),
        "rule_id_src": rule.get("id", ""),
        "rule_version": _text(rule, "version"),
        "rule_title": _text(rule, "title"),
        "group_title": _text(group, "title"),
        "severity": rule.get("severity", ""),
        "weight": rule.get("weight", ""),
        "fix_text": _text(rule, "fixtext"),
        "check_content": _text(rule, "check-content"),
        "discussion": _text(rule, "description"),
        "ccis": [name for name in idents if name.startswith("CCI-")],
        "status": status,
        "overrides": {},
        "comments": "; ".join(f"{one['id']}: {one['justification']}" for one in asked if one["justification"]),
        "finding_details": "; ".join(f"{one['id']} {one['state']}: {one['found']}" for one in asked),
    }


def _text(element: Element, name: str) -> str:
    """The text of the first element of that name anywhere in ``element``."""
    return next((text_of(one) for one in element.iter() if local(one.tag) == name), "")
