"""What is open, as a table: the columns that eMASS takes in, one line for each control that is not satisfied here."""

import csv
import io

from appliance.host.report.evidence.assessment import Assessment, why_not_tested
from appliance.host.report.evidence.controls import Control, Responsibility, State, Table
from appliance.host.report.evidence.oscal.results import UNSAID

COLUMNS = (
    "POA&M Item ID",
    "Control Vulnerability Description",
    "Security Control Number (NC/NA controls only)",
    "Office/Org",
    "Security Checks",
    "Resources Required",
    "Scheduled Completion Date",
    "Milestone with Completion Dates",
    "Milestone Changes",
    "Source Identifying Vulnerability",
    "Status",
    "Comments",
    "Raw Severity",
    "Devices Affected",
    "Mitigations (in-house and in conjunction with the Navy CSSP)",
    "Predisposing Conditions",
    "Severity",
    "Relevance of Threat",
    "Threat Description",
    "Likelihood",
    "Impact",
    "Impact Description",
    "Residual Risk Level",
    "Recommendations",
    "Resulting Residual Risk after Proposed Mitigations",
)
"""Of the sheet POA&M of eMASS's template for import; what a person judges (severity, risk, dates) is left empty."""


def poam_csv(table: Table, seen: Assessment) -> bytes:
    """The table as CSV (RFC 4180)."""
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for number, row in enumerate(_rows(table, seen), 1):
        writer.writerow({name: _plain(value) for name, value in (row | {COLUMNS[0]: str(number)}).items()})
    return made.getvalue().encode()


def _rows(table: Table, seen: Assessment) -> list[dict[str, str]]:
    rows = [_row(control, seen) for control in table.controls if seen.state(control) is not State.SATISFIED]
    return rows + [
        {
            "Control Vulnerability Description": UNSAID,
            "Security Control Number (NC/NA controls only)": name.upper(),
            "Office/Org": seen.site,
            "Source Identifying Vulnerability": f"MLS appliance {seen.version}",
            "Status": "Ongoing",
            "Comments": State.NOT_TESTED.value,
        }
        for name in seen.unstated(table)
    ]


def _row(control: Control, seen: Assessment) -> dict[str, str]:
    found = [one for one in seen.of(control) if one.state is not State.SATISFIED]
    owner = "" if control.responsibility is Responsibility.APPLIANCE else f"The site does: {control.site}"
    return {
        "Control Vulnerability Description": "; ".join(one.found for one in found) or why_not_tested(control),
        "Security Control Number (NC/NA controls only)": control.id,
        "Office/Org": seen.site,
        "Security Checks": ", ".join(control.cci),
        "Source Identifying Vulnerability": f"MLS appliance {seen.version}: "
        + (", ".join(one.check for one in found) or "no check"),
        "Status": "Ongoing",
        "Comments": seen.state(control).value,
        "Devices Affected": seen.site,
        "Recommendations": owner,
    }


def _plain(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in "=+-@\t\r" and value else value
