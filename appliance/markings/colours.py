"""Colours of classification banners: standard forms SF 706 to 712 and SF 902, as the Astro design system gives them."""

from appliance.markings.marking import Marking

WHITE, BLACK = "#ffffff", "#000000"
_COLOURS = {
    "U": ("#007a33", WHITE),
    "CUI": ("#502b85", WHITE),
    "C": ("#0033a0", WHITE),
    "S": ("#c8102e", WHITE),
    "TS": ("#ff8c00", BLACK),
}
_SCI = ("#fce83a", BLACK)


def banner_colours(marking: Marking) -> tuple[str, str]:
    """The background and the text colour of the banner, as ``#rrggbb``."""
    level = marking.label.level
    return _SCI if level == "TS" and marking.sci_controls else _COLOURS[level]
