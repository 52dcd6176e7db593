"""The first page of a pack: how the controls stand, what is open, and where the evidence lies. It opens offline."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from appliance.audit.events.marked import colours
from appliance.host.report.evidence.assessment import Assessment, why_not_tested
from appliance.host.report.evidence.controls import Responsibility, State, Table
from appliance.markings import Label

FAMILIES = {
    "AC": "Access Control",
    "AT": "Awareness and Training",
    "AU": "Audit and Accountability",
    "CA": "Assessment, Authorization, and Monitoring",
    "CM": "Configuration Management",
    "CP": "Contingency Planning",
    "IA": "Identification and Authentication",
    "IR": "Incident Response",
    "MP": "Media Protection",
    "PE": "Physical and Environmental Protection",
    "PS": "Personnel Security",
    "RA": "Risk Assessment",
    "SC": "System and Communications Protection",
    "SI": "System and Information Integrity",
    "SR": "Supply Chain Risk Management",
}


def index(table: Table, seen: Assessment, names: Sequence[str]) -> bytes:
    """The page.

    Args:
        table: the controls.
        seen: what was found.
        names: the files of the pack besides this one.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only a pack needs it

    folders = [Path(__file__).parent / "templates", Path(str(files("appliance.audit.review"))) / "templates"]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    background, colour = colours(Label.decode(seen.label))
    text = environment.get_template("pack.html").render(
        table=table,
        seen=seen,
        names=names,
        marking=seen.marking,
        background=background,
        colour=colour,
        states=list(State),
        counts=seen.counts(table),
        families=families(table, seen),
        site=Responsibility.SITE,
        why_not_tested=why_not_tested,
        unstated=seen.unstated(table),
    )
    return text.encode()


def families(table: Table, seen: Assessment) -> list[tuple[str, str, dict[State, int]]]:
    """Each family: its letters, its title, and how many of its controls stand how."""
    found = []
    for letters in sorted({control.family for control in table.controls}):
        states = [seen.state(control) for control in table.controls if control.family == letters]
        found.append((letters, FAMILIES.get(letters, letters), {state: states.count(state) for state in State}))
    return found
