"""The option by which commands choose whose rules count where manuals disagree."""

from typing import TYPE_CHECKING, Annotated

from appliance.cli.shared import inputs
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.markings.vocabulary import Vocabulary


def _complete() -> list[str]:
    from appliance.markings.vocabulary import choices  # keeps `appliance --help` quick

    return [*choices()]


Profile = Annotated[
    str,
    inputs.word_option(
        "NAME",
        "Whose rules count where manuals disagree: a file of policies/markings/profiles, or strict.",
        "--profile",
        autocompletion=_complete,
    ),
]


def words_of(profile: str) -> "Vocabulary":
    """The vocabulary of a profile; the appliance's own where none is named.

    Raises:
        ApplianceError: there is no such profile.
    """
    from appliance.markings.vocabulary import STRICT, choices, chosen  # keeps `appliance --help` quick

    try:
        return chosen(profile or STRICT)
    except (OSError, ValueError) as error:
        raise ApplianceError(
            f"--profile {profile!r}: there is no such profile",
            rule="profiles are the files in policies/markings/profiles",
            remedy=f"one of {', '.join(choices())}",
        ) from error
