"""The checks that controls ask for, by name.

A check says what it saw. What cannot be looked at is not tested; it never counts as holding or as failing.
"""

from collections.abc import Callable
from functools import partial

from appliance.errors import ApplianceError
from appliance.host.report.evidence.assessment import Outcome
from appliance.host.report.evidence.checks import host_checks, log_checks
from appliance.host.report.evidence.checks.looking import Found, Host
from appliance.host.report.evidence.controls import State

LAYER = "layer: "
MOST = 1500
"""Characters of what a check saw that stand in the documents; the evidence has all of it."""

Check = Callable[[Host], Found]
CHECKS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "anchor": (log_checks.anchor, ("evidence/log/anchors.json",)),
    "backup": (host_checks.backup, ()),
    "break-glass": (log_checks.break_glass, ()),
    "calendar": (host_checks.calendar, ("evidence/calendar.json",)),
    "certificates": (host_checks.certificates, ("evidence/calendar.json",)),
    "clock": (log_checks.time, ()),
    "duties": (host_checks.duties, ("evidence/statements/subjects.dsse.json", "evidence/statements/access.dsse.json")),
    "fips": (host_checks.fips, ()),
    "hardening": (host_checks.settings, ("evidence/verify.json",)),
    "log": (log_checks.log, ("evidence/fsck.json", "evidence/log/checkpoint")),
    "look": (host_checks.look, ("evidence/verify.json",)),
    "rebuilt": (host_checks.rebuilt, ("evidence/rebuilt.json",)),
    "refusal": (log_checks.refusal, ("evidence/records/refusal.zip",)),
    "review": (log_checks.review, ("evidence/log/policy", "evidence/records/reviews.zip")),
    "sbom": (host_checks.sbom, ("evidence/bundle/",)),
    "statements": (log_checks.statements, ("evidence/statements/site.dsse.json",)),
    "storage": (log_checks.storage, ("evidence/status.json",)),
    "tls": (host_checks.tls, ()),
    "vsa": (host_checks.vsa, ("evidence/bundle/vsa.dsse.json",)),
    "vulnerabilities": (host_checks.vulnerabilities, ("evidence/vulnerabilities.json",)),
}
"""Each check, and the files of a pack in which what it looked at stands, where they are there."""


def make(host: Host, name: str) -> Outcome:
    """Make the check ``name``; what cannot be looked at is not tested, with the reason."""
    check, evidence = _known(name)
    try:
        state, text = check(host)
    except (ApplianceError, OSError, ValueError) as error:
        state, text = State.NOT_TESTED, f"it could not be looked at: {getattr(error, 'message', None) or error}"
    words = " ".join(text.split())
    return Outcome(check=name, state=state, found=words[:MOST] or "nothing", evidence=evidence)


def _known(name: str) -> tuple[Check, tuple[str, ...]]:
    if name.startswith(LAYER):
        return partial(host_checks.layer, name=name.removeprefix(LAYER)), ("evidence/verify.json",)
    return CHECKS.get(name, (_unknown, ()))


def _unknown(_: Host) -> Found:
    return State.NOT_TESTED, "this release has no such check"
