"""Why a marking is right or wrong, and what it means: every rule with its paragraph, every demand with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.markings.marking import HANDLE_VIA_SAP, JOINT, REL, Marking
from appliance.markings.reading.parse import examine
from appliance.markings.reading.rules import kept
from appliance.markings.vocabulary import Vocabulary, default

BROKEN, KEPT, MEANS = "broken", "kept", "means"


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of an explanation.

    Attributes:
        verdict: broken (a rule that it breaks), kept (a rule that applies and holds) or means (what a reader needs).
        subject: the token, the level, or the text that it is about.
        message: what holds, or what is wrong.
        rule: identifier of the rule; empty for meanings that are no rule of a manual.
        source: where it is written.
        suggestion: what to write or do instead, when the rule is broken.
    """

    verdict: str
    subject: str
    message: str
    rule: str
    source: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text is or is not a valid marking.

    Attributes:
        text: the text.
        marking: what it says; None when its level cannot be read.
        reasons: every broken rule when it is wrong; otherwise every rule that applies, and what the marking means.
    """

    text: str
    marking: Marking | None
    reasons: tuple[Reason, ...]

    @property
    def valid(self) -> bool:
        """Whether no rule is broken."""
        return all(reason.verdict != BROKEN for reason in self.reasons)


def explain(text: str | Marking, vocabulary: Vocabulary | None = None) -> Explanation:
    """Explain the verdict on a text, or a marking.

    Args:
        text: a banner or a portion; a marking is explained by its banner, or by its portion when it repeats a banner.
        vocabulary: the words and rules; those of the package when None.
    """
    if isinstance(text, Marking):
        vocabulary = vocabulary or text.vocabulary
        text = text.portion if text.repeats else text.banner
    vocabulary = vocabulary or default()
    marking, violations = examine(text, vocabulary)
    if violations or marking is None:
        broken = (
            Reason(
                BROKEN,
                text[slice(*violation.span)],
                violation.message,
                violation.rule,
                violation.source,
                violation.suggestion,
            )
            for violation in violations
        )
        return Explanation(text, marking, tuple(broken))
    return Explanation(text, marking, (*_kept(marking), *_means(marking)))


def _kept(marking: Marking) -> Iterator[Reason]:
    rules = marking.vocabulary.rules
    for token, rule in kept(marking):
        yield Reason(KEPT, token, rules[rule].text, rule, rules[rule].source)


def _means(marking: Marking) -> Iterator[Reason]:
    """What a reader must be and hold, each with what asks for it."""
    label, vocabulary = marking.label, marking.vocabulary
    level = vocabulary.level_banner[marking.classification]
    yield Reason(MEANS, level, f"a reader is cleared for {label.level}", "", _LABELS)
    for token in sorted(label.need):
        yield Reason(MEANS, token, "a reader holds it", "", _LABELS)
    yield Reason(MEANS, *_release(marking), "", _LABELS)
    for token in marking.obligations:
        yield Reason(MEANS, token, "an obligation: services carry it along, and the access policy decides", "", _LABELS)
    if HANDLE_VIA_SAP in marking.sar_identifier:
        yield Reason(MEANS, HANDLE_VIA_SAP, "it goes through special access channels only", "", _LABELS)


_LABELS = "docs/markings.md, What a marking means"


def _release(marking: Marking) -> tuple[str, str]:
    """What limits the nations, and to which."""
    rel = marking.label.rel
    if rel is None:
        return "no release marking", "unclassified information without one is limited to no nation"
    nations = ", ".join(sorted(rel)) or "nobody"
    if REL in marking.repeats or JOINT in marking.repeats:
        return "REL", f"the list is that of the banner; until it is known, {nations} alone"
    if marking.releasable_to:
        return f"REL TO {', '.join(marking.releasable_to)}", f"every nationality of a reader is one of {nations}"
    if "NF" in marking.dissemination_controls:
        return "NOFORN", f"every nationality of a reader is {nations}"
    return "no REL TO", f"classified information without one belongs to its owner alone: {nations}"
