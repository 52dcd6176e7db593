"""Colours of classification banners: standard forms SF 706 to 712 and SF 902, as the Astro design system gives them."""

from appliance.markings.marking import Marking

WHITE, BLACK = "#ffffff", "#000000"
COLOURS = {
    "U": ("#007a33", WHITE),
    "CUI": ("#502b85", WHITE),
    "C": ("#0033a0", WHITE),
    "S": ("#c8102e", WHITE),
    "TS": ("#ff8c00", BLACK),
    "SCI": ("#fce83a", BLACK),  # TOP SECRET with SCI
}
"""Background and text colour of each level."""


def colour_name(marking: Marking) -> str:
    """Which of ``COLOURS`` the banner has."""
    level = marking.label.level
    return "SCI" if level == "TS" and marking.sci_controls else level


def banner_colours(marking: Marking) -> tuple[str, str]:
    """The background and the text colour of the banner, as ``#rrggbb``."""
    return COLOURS[colour_name(marking)]
