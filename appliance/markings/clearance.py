"""Reading the clearance of a person: a level and the controls that the person holds, without a release marking."""

from collections.abc import Iterable

from appliance.markings.errors import MarkingError, Violation
from appliance.markings.label import Clearance
from appliance.markings.reading.parse import examine
from appliance.markings.vocabulary import Vocabulary, default

_OF_INFORMATION = ("dissemination_controls", "non_ic_markings", "fgi_source_open")


def read_clearance(text: str, nationalities: Iterable[str] = (), *, vocabulary: Vocabulary | None = None) -> Clearance:
    """The clearance that ``text`` says, such as TOP SECRET//SI/TK.

    What a document needs beside its level and controls (NOFORN with SI, ORCON with SI-G) is no matter of a person; at
    which level a control exists is.

    Args:
        text: a level of the nation and the controls that the person holds, as in a banner or a portion.
        nationalities: trigraphs of every nationality of the person.
        vocabulary: the words and rules; those of the package when None.

    Raises:
        MarkingError: the text cannot be read, a control does not exist at that level, or it has a release or
            dissemination marking, an owner or a source (rule ``clearance``).
    """
    vocabulary = vocabulary or default()
    marking, violations = examine(text, vocabulary)
    broken = [violation for violation in violations if not _of_documents(violation, vocabulary)]
    if marking is None or broken:
        raise MarkingError(text if isinstance(text, str) else "", tuple(broken or violations))
    if not marking.us or marking.fgi_source_protected or any(getattr(marking, field) for field in _OF_INFORMATION):
        message = vocabulary.rules["clearance"].text
        raise MarkingError(text, (vocabulary.violation("clearance", (0, len(text)), message),))
    return Clearance(marking.label.level, marking.label.need, frozenset(nationalities))


def _of_documents(violation: Violation, vocabulary: Vocabulary) -> bool:
    """Whether a rule asks for something that only documents have: a release, a carrier, a warning."""
    rule = vocabulary.rules[violation.rule]
    return bool(rule.requires) or rule.check in {"nato-information", "profile", "programmes"} or bool(rule.excludes)
