"""Import advisories in the OSV format 1.x (https://ossf.github.io/osv-schema/), of the ecosystems PyPI and npm."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from packaging.utils import canonicalize_name
from pydantic import Field, ValidationError

from appliance.bundle.advisories.feed import BEGINNING, ORDERS, Advisory, Range, Severity, in_ranges
from appliance.bundle.advisories.source import Open
from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical

_TYPES = {"PyPI": "pypi", "npm": "npm"}
_WORDS: dict[str, Severity] = {
    "CRITICAL": "critical",
    "HIGH": "high",
    "MODERATE": "medium",
    "MEDIUM": "medium",
    "LOW": "low",
}


class _Event(Open):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class _Range(Open):
    type: str
    events: tuple[_Event, ...] = ()


class _Package(Open):
    ecosystem: str
    name: str


class _Affected(Open):
    package: _Package | None = None
    ranges: tuple[_Range, ...] = ()
    versions: tuple[str, ...] = ()


class _Score(Open):
    type: str
    score: str


class _Vulnerability(Open):
    id: str
    aliases: tuple[str, ...] = ()
    withdrawn: str | None = None
    affected: tuple[_Affected, ...] = ()
    severity: tuple[_Score, ...] = ()
    database_specific: dict[str, Any] = Field(default_factory=dict)


def read_osv(data: bytes, name: str, packages: Collection[str] | None = None) -> Iterator[Advisory]:
    """The advisories in one OSV file, one for each package; none when it was withdrawn.

    Args:
        data: the JSON.
        name: the file, for the error.
        packages: package URLs that matter, or None for all.

    Raises:
        ApplianceError: not in the format; names the field.
    """
    try:
        yield from _advisories(_Vulnerability.model_validate(canonical.decode(data, name)), packages)
    except ValidationError as error:
        raise ApplianceError(
            f"{name}: {first_finding(error)}",
            rule="OSV schema 1.x",
            remedy="download the advisory again",
        ) from error


def _advisories(found: _Vulnerability, packages: Collection[str] | None) -> Iterator[Advisory]:
    names = [*sorted(alias for alias in found.aliases if alias.startswith("CVE-")), found.id]
    for affected in found.affected if found.withdrawn is None else ():
        package = _package_url(affected.package)
        if package is None or (packages is not None and package not in packages):
            continue
        kind = package.removeprefix("pkg:").split("/")[0]
        ranges = [r for each in affected.ranges if each.type != "GIT" for r in _ranges(each.events, kind)]
        yield Advisory(
            id=names[0],
            aliases=sorted({found.id, *found.aliases} - {names[0]}),
            package=package,
            severity=_severity(found),
            ranges=ranges,
            versions=_beside(affected.versions, ranges, kind),
        )


def _beside(versions: Sequence[str], ranges: list[Range], kind: str) -> list[str]:
    """The listed versions that no range has: a version is affected by either (OSV schema, "Evaluation")."""
    order = ORDERS[kind]

    def known(version: str) -> bool:
        try:
            return in_ranges(order, order(version), ranges)
        except ValueError:
            return False

    return sorted({version for version in versions if not known(version)})


def _package_url(package: _Package | None) -> str | None:
    if package is None or package.ecosystem not in _TYPES:
        return None
    if package.ecosystem == "PyPI":
        return f"pkg:pypi/{canonicalize_name(package.name)}"
    return f"pkg:npm/{package.name.replace('@', '%40')}"


def _ranges(given: Sequence[_Event], kind: Literal["pypi", "npm"] | str) -> Iterator[Range]:
    """Pairs of events in the order of their versions (OSV schema, "Evaluation"), up to the last of the limits."""
    limits = [event.limit for event in given if event.limit is not None]
    limit = None if "*" in limits else _last(limits, kind)
    events = [event for event in given if event.limit is None]

    def place(event: _Event) -> tuple[bool, Any]:
        version = event.introduced or event.fixed or event.last_affected or BEGINNING
        return (version != BEGINNING, ORDERS[kind](version) if version != BEGINNING else 0)

    with suppress(ValueError):  # a version that the ecosystem's rules do not know; the order of the file stands
        events = sorted(events, key=place)
    begin: str | None = None
    for event in events:
        if event.introduced is not None:
            begin = event.introduced if begin is None else begin
        elif begin is not None:
            yield Range(introduced=begin, fixed=event.fixed, last_affected=event.last_affected, limit=limit)
            begin = None
    if begin is not None:
        yield Range(introduced=begin, limit=limit)


def _last(limits: list[str], kind: str) -> str | None:
    """The last of several limits; none where they cannot be compared, so that nothing is left out."""
    try:
        return max(limits, key=ORDERS[kind], default=None)
    except ValueError:
        return None


def _severity(found: _Vulnerability) -> Severity:
    """The database's own word, otherwise that of the CVSS base score."""
    from cvss import CVSS3, CVSS4  # noqa: PLC0415  # only an import needs it
    from cvss.exceptions import CVSSError  # noqa: PLC0415

    word = found.database_specific.get("severity")
    if isinstance(word, str) and word.upper() in _WORDS:
        return _WORDS[word.upper()]
    for score in found.severity:
        calculate = {"CVSS_V3": CVSS3, "CVSS_V4": CVSS4}.get(score.type)
        if calculate:
            try:
                rating = calculate(score.score).severities()[0]
            except CVSSError:
                continue
            return _WORDS.get(str(rating).upper(), "negligible")
    return "unknown"
