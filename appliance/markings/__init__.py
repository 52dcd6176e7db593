"""Classification markings: text, validity, roll-up, and the lattice of labels they form.

No I/O but reading the vocabulary; imports nothing else of the appliance.
"""

from appliance.markings.clearance import read_clearance
from appliance.markings.colours import banner_colours
from appliance.markings.errors import MarkingError, Violation
from appliance.markings.explain import Explanation, Reason, explain
from appliance.markings.label import LEVELS, Clearance, Label, can_read, can_write, dominates, join
from appliance.markings.marking import Marking
from appliance.markings.reading.parse import check, parse, parse_by_any
from appliance.markings.restriction import Reader, Restriction, controlled, joined
from appliance.markings.shown import marking_of

__all__ = [
    "LEVELS",
    "Clearance",
    "Explanation",
    "Label",
    "Marking",
    "MarkingError",
    "Reader",
    "Reason",
    "Restriction",
    "Violation",
    "banner_colours",
    "can_read",
    "can_write",
    "check",
    "controlled",
    "dominates",
    "explain",
    "join",
    "joined",
    "marking_of",
    "parse",
    "parse_by_any",
    "read_clearance",
]
