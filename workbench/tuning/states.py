"""The states of an adapter in the registry, and who may bring it from one to another."""

from typing import Literal

from appliance.errors import ApplianceError

State = Literal["candidate", "certified", "serving", "suspended", "revoked", "erased"]
NEXT: dict[State, tuple[State, ...]] = {
    "candidate": ("certified", "suspended", "revoked", "erased"),
    "certified": ("serving", "suspended", "revoked", "erased"),
    "serving": ("certified", "suspended", "revoked"),
    "suspended": ("candidate", "revoked", "erased"),
    "revoked": ("erased",),
    "erased": (),
}
"""A suspended adapter is evaluated again: its certificate rested on data that are in doubt."""
LOADABLE: tuple[State, ...] = ("candidate", "certified", "serving")
"""States in which the file leaves the registry, a candidate for its evaluation alone."""


def check_change(before: State, after: State) -> None:
    """Refuse a change that there is not.

    Raises:
        ApplianceError: an adapter does not go from ``before`` to ``after``.
    """
    if after not in NEXT[before]:
        ways = ", ".join(NEXT[before]) or "nowhere"
        raise ApplianceError(
            f"an adapter that is {before} does not become {after}",
            rule=f"from {before} it goes to: {ways}",
            remedy="reload the page: somebody else may have changed it",
        )
