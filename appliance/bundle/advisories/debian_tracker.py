"""Import the Debian security tracker's data, the file ``data/json`` of its site (source package -> CVE -> release)."""

from collections.abc import Collection, Iterator
from typing import Literal

from pydantic import Field, RootModel, ValidationError

from appliance.bundle.advisories.feed import Advisory, Range, Severity
from appliance.bundle.advisories.source import Open
from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical

RELEASE = "bookworm"

_URGENCIES: dict[str, Severity] = {"high": "high", "medium": "medium", "low": "low", "unimportant": "negligible"}
"""The tracker's urgencies that are a rating; ``not yet assigned`` and ``end-of-life`` are none."""


class _Release(Open):
    status: Literal["open", "resolved", "undetermined"]
    fixed_version: str | None = None
    urgency: str = "not yet assigned"


class _Vulnerability(Open):
    releases: dict[str, _Release] = Field(default_factory=dict)


class _Tracker(RootModel[dict[str, dict[str, _Vulnerability]]]):
    pass


def read_tracker(data: bytes, name: str, packages: Collection[str] | None = None) -> Iterator[Advisory]:
    """The advisories for Debian 12 in the tracker's data.

    A vulnerability is in every version while its status is open or undetermined, and in versions before
    ``fixed_version`` when it is resolved; ``0`` there says that the release never had it.

    Args:
        data: the JSON.
        name: the file, for the error.
        packages: package URLs of source packages that matter, or None for all.

    Raises:
        ApplianceError: not the tracker's format; names the field.
    """
    try:
        yield from _advisories(_Tracker.model_validate(canonical.decode(data, name)).root, name, packages)
    except ValidationError as error:
        raise ApplianceError(
            f"{name}: {first_finding(error)}",
            rule="the Debian security tracker's JSON: {source package: {CVE: {releases: {release: {status, ...}}}}}",
            remedy="download the tracker's data/json again",
        ) from error


def _advisories(
    tracker: dict[str, dict[str, _Vulnerability]], name: str, packages: Collection[str] | None
) -> Iterator[Advisory]:
    if not tracker:
        raise ApplianceError(
            f"{name}: names no source package",
            rule="a feed without advisories would say of everything that nothing is known against it",
            remedy="download the tracker's data/json again",
        )
    for source, vulnerabilities in tracker.items():
        package = f"pkg:deb/debian/{source}"
        if packages is not None and package not in packages:
            continue
        for identifier, vulnerability in vulnerabilities.items():
            state = vulnerability.releases.get(RELEASE)
            if state is None or (state.status == "resolved" and state.fixed_version in {None, "0"}):
                continue
            fixed = state.fixed_version if state.status == "resolved" else None
            severity = _URGENCIES.get(state.urgency.rstrip("*"), "unknown")
            yield Advisory(id=identifier, package=package, severity=severity, ranges=[Range(fixed=fixed)])
