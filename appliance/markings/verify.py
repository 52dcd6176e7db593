"""Whether the banner of a document is what its portions demand, rule by rule."""

from collections.abc import Iterable, Iterator

from appliance.markings.errors import Violation
from appliance.markings.marking import Marking
from appliance.markings.reading.parse import parse
from appliance.markings.rollup import Compilation, rollup
from appliance.markings.vocabulary import Vocabulary, default

_UNIONS = (
    ("rollup-sci", "sci_controls", True),
    ("rollup-sap", "sar_identifier", True),
    ("rollup-aea", "atomic_energy_markings", False),
    ("rollup-fgi", "fgi_source_open", True),
    ("rollup-nato", "non_us_controls", True),
    ("rollup-other", "non_ic_markings", True),
)
_RULE_OF_CONTROL = {
    "NF": "rollup-noforn",
    "REL": "rollup-rel",
    "RELIDO": "rollup-relido",
    "DISPLAYONLY": "rollup-display-only",
    "FOUO": "rollup-fouo",
    "DCNI": "rollup-ucni",
    "UCNI": "rollup-ucni",
    "SBU": "rollup-sbu-les",
    "SBU-NF": "rollup-sbu-les",
    "LES": "rollup-sbu-les",
    "LES-NF": "rollup-sbu-les",
    "ND": "rollup-nodis",
    "XD": "rollup-nodis",
    "DS": "rollup-limdis",
    "FED_ONLY": "rollup-cui-controls",
    "FEDCON": "rollup-cui-controls",
    "NOCON": "rollup-cui-controls",
    "DL_ONLY": "rollup-cui-controls",
}


def verify(
    banner: str | Marking,
    portions: Iterable[str | Marking],
    *,
    compilation_reason: str = "",
    vocabulary: Vocabulary | None = None,
) -> list[Violation]:
    """Every roll-up rule that the banner breaks; none when it is right.

    Args:
        banner: the banner of the document.
        portions: its portions, as texts or markings.
        compilation_reason: why the banner is above its portions; without it, it must be exactly theirs.
        vocabulary: the words and rules; those of the package when None.

    Raises:
        MarkingError: the banner or a portion is no valid marking.
    """
    vocabulary = vocabulary or default()
    given = banner if isinstance(banner, Marking) else parse(banner, vocabulary)
    portions = list(portions)
    exact = rollup(portions, banner=given, vocabulary=vocabulary).marking
    expected = exact
    if compilation_reason.strip():
        compilation = Compilation(given, compilation_reason)
        expected = rollup(portions, banner=given, compilation=compilation, vocabulary=vocabulary).marking
    text = banner if isinstance(banner, str) else given.banner
    return [
        vocabulary.violation(rule, (0, len(text)), f"{vocabulary.rules[rule].text}: {finding}", expected.banner)
        for rule, finding in _differences(given, exact, expected, compiled=bool(compilation_reason.strip()))
    ]


def _differences(given: Marking, exact: Marking, expected: Marking, *, compiled: bool) -> Iterator[tuple[str, str]]:
    if given.classification != expected.classification:
        levels = given.vocabulary.level_banner
        yield "rollup-level", f"{levels[given.classification]} instead of {levels[expected.classification]}"
    if given.owner_producer != expected.owner_producer:
        yield "rollup-owner", f"{' '.join(given.owner_producer)} instead of {' '.join(expected.owner_producer)}"
    for rule, attribute, may_exceed in _UNIONS:
        wanted = expected if may_exceed else exact
        for token, missing in _changes(getattr(given, attribute), getattr(wanted, attribute)):
            yield _RULE_OF_CONTROL.get(token, rule), f"{token} is {'missing' if missing else 'on no portion'}"
    if given.fgi_source_protected != expected.fgi_source_protected:
        yield "rollup-fgi", "a concealed source is missing" if expected.fgi_source_protected else "nothing is concealed"
    for token, missing in _changes(given.dissemination_controls, expected.dissemination_controls):
        rule = _RULE_OF_CONTROL.get(token, "rollup-controls")
        yield rule, f"{token} is {'missing' if missing else 'not what the portions say'}"
    if given.cui != expected.cui or _specified(given) != _specified(expected):
        yield "rollup-cui", f"expected {' '.join(_specified(expected)) or ('CUI' if expected.cui else 'no CUI')}"
    yield from _lists(given, expected, compiled=compiled)


def _lists(given: Marking, expected: Marking, *, compiled: bool) -> Iterator[tuple[str, str]]:
    for rule, attribute in (("rollup-rel", "releasable_to"), ("rollup-display-only", "display_only_to")):
        has, should = (given.vocabulary.expand(getattr(marking, attribute)) for marking in (given, expected))
        if has and should and (has - should if compiled else has != should):
            yield rule, f"{', '.join(getattr(given, attribute))} instead of {', '.join(getattr(expected, attribute))}"


def _changes(given: tuple[str, ...], expected: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """Tokens that differ, and whether they are missing."""
    for token in expected:
        if token not in given:
            yield token, True
    for token in given:
        if token not in expected:
            yield token, False


def _specified(marking: Marking) -> tuple[str, ...]:
    return tuple(name for name in marking.cui_categories if name.startswith("SP-"))
