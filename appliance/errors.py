"""The one error that reaches a person: what is wrong, by which rule, and what to do."""


class ApplianceError(Exception):
    """A refusal that names the file or field, the rule with its source, and the remedy.

    Attributes:
        status: the command's exit status.

    Args:
        message: what is wrong, naming the file or field.
        rule: the rule that refuses it and where the rule is written.
        remedy: what the reader can do now.
    """

    status = 1

    def __init__(self, message: str, *, rule: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.rule = rule
        self.remedy = remedy

    def as_dict(self) -> dict[str, str]:
        """The refusal as JSON for ``--json`` output."""
        return {"error": self.message, "rule": self.rule, "remedy": self.remedy}
