"""The banner of whatever holds marked parts: computed from all of them, and never guessed."""

from collections.abc import Iterable

from appliance.markings import Marking, dominates, join, marking_of, parse_by_any
from appliance.markings.rollup import rollup
from appliance.markings.vocabulary import Vocabulary


def banner_of(portions: Iterable[str], vocabulary: Vocabulary) -> Marking:
    """The marking of what holds all of these portions.

    Args:
        portions: canonical portion marks, at least one.
        vocabulary: the words and rules by which the site reads markings.

    Raises:
        MarkingError: there is none, or one is no marking.
    """
    marks = sorted(set(portions))
    result = rollup([parse_by_any(mark) for mark in marks], vocabulary=vocabulary)
    label = join(*(parse_by_any(mark).label for mark in marks))
    # What a marking cannot say of a label, such as a release to nobody, is shown as the stricter one that it can.
    return result.marking if dominates(result.marking.label, label) else marking_of(result.label, vocabulary)
