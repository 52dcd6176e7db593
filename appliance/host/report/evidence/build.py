"""Make a pack: ask every check, gather the evidence, derive the documents, and let the host sign the list."""

import json
from collections.abc import Mapping

from appliance import __version__
from appliance.audit.events.marked import joined, marking_text
from appliance.errors import ApplianceError
from appliance.host.report.evidence.archive import File, write
from appliance.host.report.evidence.assessment import Assessment, Outcome
from appliance.host.report.evidence.checks.looking import Host
from appliance.host.report.evidence.checks.registry import make
from appliance.host.report.evidence.controls import FILE, Table, read_table
from appliance.host.report.evidence.derived import ASSESSMENT, PROFILE, documents, encode, profile_controls
from appliance.host.report.evidence.gather import gather
from appliance.host.report.evidence.oscal import schema

ACTIVITY = "evidence.pack"
RECORDED = ("refusal",)
"""Checks that leave records, which the others then look at."""


def build(host: Host, given: Mapping[str, bytes]) -> tuple[bytes, Assessment, Table]:
    """The bytes of a pack, what was found, and the controls that it was found for.

    Args:
        host: the host, and when it is looked at.
        given: what is given, by its name in the pack: the table of controls, and the site's profile, benchmark and
            other files.

    Raises:
        ApplianceError: something of it is not in its form, or nothing is installed.
    """
    table = read_table(given[FILE])
    demanded = _demanded(given[PROFILE]) if PROFILE in given else ()
    first = sorted(table.checks, key=lambda name: (name not in RECORDED, name))
    outcomes = sorted((make(host, name) for name in first), key=lambda outcome: outcome.check)
    high = host.statements.site.system_high.marking.label.encode()
    inputs = {name: File(data, high) for name, data in given.items()} | gather(host)
    label = joined(file.label for file in inputs.values())
    seen = Assessment(
        site=host.statements.site.site,
        demo=host.statements.site.demo,
        label=label.encode(),
        marking=marking_text(label, host.statements.site.markings.vocabulary),
        time=host.now,
        version=__version__,
        bundle=host.facts.bundle,
        profile=demanded,
        outcomes=tuple(_there(outcome, inputs) for outcome in outcomes),
    )
    inputs[ASSESSMENT] = File(encode(seen.model_dump(mode="json")), seen.label)
    plain = {name: file.data for name, file in inputs.items()}
    made = {name: File(data, seen.label) for name, data in documents(plain, table, seen).items()}
    return write(inputs | made, seen, host.key), seen, table


def _demanded(data: bytes) -> tuple[str, ...]:
    demanded = profile_controls(data, PROFILE)
    if why := schema.problem(json.loads(data)):
        raise ApplianceError(f"{PROFILE}: {why}", rule="OSCAL 1.2.3, JSON", remedy="correct the profile")
    return demanded


def _there(outcome: Outcome, files: Mapping[str, File]) -> Outcome:
    """The outcome with the evidence that there is."""
    folders = tuple(one for one in outcome.evidence if one.endswith("/"))
    kept = [name for name in sorted(files) if name in outcome.evidence or (folders and name.startswith(folders))]
    return outcome.model_copy(update={"evidence": tuple(kept)})
