"""Portion marks that somebody typed: what each says, the banner that they demand, and why.

Typing a marking above the enclave into it is a spill (docs/officer.md), so that it is refused and not shown again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.markings import Explanation, Label, Marking, Violation, dominates, explain
from appliance.markings.explain import MEANS, Reason
from appliance.markings.label import RANK
from appliance.markings.rollup import Rollup, rollup
from appliance.markings.verify import verify
from appliance.markings.vocabulary import Vocabulary

MOST_LINES = 200
_WORDS = re.compile(r"[A-Z0-9]+")


@dataclass(frozen=True)
class Line:
    """A portion mark that may be shown.

    Attributes:
        number: of its line, from 1.
        text: as typed.
        why: every rule that it breaks, or that applies, and what it means.
        banner: the banner of a document with this portion alone, what it repeats of the typed banner filled in.
    """

    number: int
    text: str
    why: Explanation
    banner: str


@dataclass(frozen=True)
class Checked:
    """What a page shows of what was typed.

    Attributes:
        lines: the portion marks, without those above the enclave.
        above: numbers of the lines above the enclave; 0 is the banner.
        banner: the banner that was typed, explained; None without one, or if it is above the enclave.
        result: the roll-up; None when something is above the enclave or cannot be read.
        outside: whether the roll-up is above the enclave although each portion is not.
        wrong: what the typed banner breaks beside these portions; None where there is nothing to compare.
        meaning: what a reader of the whole must be and hold.
        unread: how many lines are more than the page reads; the banner of the others alone could be too low.
    """

    lines: tuple[Line, ...]
    above: tuple[int, ...] = ()
    banner: Explanation | None = None
    result: Rollup | None = None
    outside: bool = False
    wrong: tuple[Violation, ...] | None = None
    meaning: tuple[Reason, ...] = ()
    unread: int = 0

    @property
    def said(self) -> str:
        """What came of it, in a sentence for those who hear the page."""
        if self.above:
            return "Refused: above this enclave."
        if self.unread:
            return f"Too many lines: {self.unread} more than {MOST_LINES}."
        if self.result:
            right = (
                "" if self.wrong is None else " The banner that you typed is " + ("wrong." if self.wrong else "right.")
            )
            return f"The banner is {self.result.marking.banner}.{right}"
        wrong = [str(line.number) for line in self.lines if not line.why.valid]
        return f"Wrong: line {', '.join(wrong)}." if wrong else ""

    @property
    def kept(self) -> str:
        """The portion marks that may stand in the form again."""
        return "\n".join(line.text for line in self.lines)


def check_typed(portions: str, banner: str, enclave: Label, vocabulary: Vocabulary) -> Checked:
    """Read portion marks, one a line, and the banner of their document, and say what follows.

    Args:
        portions: the portion marks.
        banner: the banner of their document; may be empty.
        enclave: the label of the enclave in which they were typed.
        vocabulary: the words and rules by which the site reads markings.
    """
    every = [(number, text.strip()) for number, text in enumerate(portions.splitlines(), 1)]
    typed = every[:MOST_LINES]
    document = explain(banner.strip(), vocabulary) if banner.strip() else None
    known = document.marking if document and document.valid else None
    lines = [_line(number, text, known, vocabulary) for number, text in typed if text]
    above = {line.number for line in lines if _above(line.why, known, enclave, vocabulary)}
    if document and _above(document, None, enclave, vocabulary):
        above.add(0)
        document = None
    shown = tuple(line for line in lines if line.number not in above)
    found = Checked(shown, tuple(sorted(above)), document, unread=len(every) - len(typed))
    if (
        above
        or found.unread
        or not lines
        or not all(line.why.valid for line in lines)
        or (document and not document.valid)
    ):
        return found
    return _rolled_up(found, [line.why.marking for line in lines if line.why.marking], known, enclave, vocabulary)


def _line(number: int, text: str, banner: Marking | None, vocabulary: Vocabulary) -> Line:
    why = explain(text, vocabulary)
    marking = why.marking.within(banner) if why.valid and why.marking and banner else why.marking
    return Line(number, text, why, marking.banner if why.valid and marking else "")


def _rolled_up(
    found: Checked, portions: list[Marking], banner: Marking | None, enclave: Label, vocabulary: Vocabulary
) -> Checked:
    result = rollup(portions, banner=banner, vocabulary=vocabulary)
    meaning = tuple(reason for reason in explain(result.marking, vocabulary).reasons if reason.verdict == MEANS)
    wrong = None if banner is None else tuple(verify(banner, portions, vocabulary=vocabulary))
    outside = not dominates(enclave, result.label)
    return replace(found, result=result, outside=outside, wrong=wrong, meaning=meaning)


def _above(why: Explanation, banner: Marking | None, enclave: Label, vocabulary: Vocabulary) -> bool:
    """Whether a text asks for more than the enclave has; one that is wrong does if any of its words does."""
    if why.valid and why.marking:
        marking = why.marking.within(banner) if banner else why.marking
        return not dominates(enclave, _demand(marking) if marking.repeats else marking.label)
    if why.marking and not dominates(enclave, _demand(why.marking)):
        return True
    words = f" {' '.join(_WORDS.findall(why.text.upper()))} "
    return any(f" {' '.join(_WORDS.findall(name))} " in words for name in _words_above(enclave, vocabulary))


def _demand(marking: Marking) -> Label:
    """Level and controls of a marking whose release is not known."""
    return replace(marking.label, rel=None)


def _words_above(enclave: Label, vocabulary: Vocabulary) -> Iterator[str]:
    """Every word for a level above the enclave's, or for a control that it does not have."""
    for name, level in vocabulary.level_words.items():
        if RANK[vocabulary.level_label[level.token]] > RANK[enclave.level]:
            yield name
    for name, word in vocabulary.words.items():
        token = word.tokens[0]
        if vocabulary.control(token).effect == "need" and token not in enclave.need:
            yield name
