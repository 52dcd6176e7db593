"""What a wrong marking is told: every violation with its rule, source, place and a suggestion."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a marking breaks.

    Attributes:
        rule: identifier of the rule in the vocabulary.
        source: where the rule is written.
        span: first and one-past-last character of the offending text.
        message: what is wrong and what was expected.
        suggestion: what to write or do instead; empty when there is none.
    """

    rule: str
    source: str
    span: tuple[int, int]
    message: str
    suggestion: str = ""

    def as_dict(self) -> dict[str, object]:
        """The violation as the command's ``--json`` shows it."""
        return {
            "rule": self.rule,
            "source": self.source,
            "span": list(self.span),
            "message": self.message,
            "suggestion": self.suggestion,
        }


class MarkingError(ValueError):
    """A text is no valid marking.

    Attributes:
        marking: the text as given.
        violations: every rule that it breaks, in the order of the text; at least one.
    """

    def __init__(self, marking: str, violations: tuple[Violation, ...]) -> None:
        self.marking = marking
        self.violations = violations
        super().__init__("; ".join(f"{violation.message} [{violation.rule}]" for violation in violations))

    @property
    def rule(self) -> str:
        """Identifier of the first rule that is broken."""
        return self.violations[0].rule

    @property
    def source(self) -> str:
        """Where that rule is written."""
        return self.violations[0].source

    @property
    def span(self) -> tuple[int, int]:
        """First and one-past-last character of the first offending text."""
        return self.violations[0].span

    @property
    def suggestion(self) -> str:
        """What to write or do instead."""
        return self.violations[0].suggestion
