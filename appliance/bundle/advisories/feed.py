"""The advisory feed: which versions of which packages have known vulnerabilities, as of a date, in one canonical file.

Made from the Debian security tracker's and OSV's data (``debian_tracker``, ``osv``), carried as a signed target.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical
from appliance.trust.repository.schema import Time

KIND = "advisories"
PATH = "advisories/feed.json"
LIMIT = 64 << 20
BEGINNING = "0"
"""OSV's version before all others, also where it is none by the ecosystem's own rules."""

Severity = Literal["critical", "high", "medium", "low", "negligible", "unknown"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "negligible", "unknown")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}$")]
Package = Annotated[str, Field(pattern=r"^pkg:(deb/debian|pypi|npm)/[A-Za-z0-9@%._+/-]{1,200}$")]
Version = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Range(_Strict):
    """Affected versions: from ``introduced`` on, up to but not ``fixed``, or up to and with ``last_affected``.

    ``limit`` ends what is known without mending anything: versions from there on are not spoken of. It is written only
    where there is one, so that what read feeds before reads them still.
    """

    introduced: Version = BEGINNING
    fixed: Version | None = None
    last_affected: Version | None = None
    limit: Version | None = None

    @model_serializer(mode="wrap")
    def _without_absent_limit(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name != "limit" or value is not None}


class Advisory(_Strict):
    """What is known of one vulnerability in one package.

    Attributes:
        id: its first name, for example a CVE number.
        aliases: its other names.
        package: package URL without version; of Debian packages the source package.
        severity: by the feed's source.
        ranges: affected versions.
        versions: versions that are affected besides.
    """

    id: Name
    aliases: list[Name] = []
    package: Package
    severity: Severity
    ranges: list[Range] = []
    versions: list[Version] = []

    def affects(self, version: str) -> bool:
        """Whether a version of the package is affected; one that cannot be compared counts as affected."""
        if version in self.versions:
            return True
        order = ORDERS[self.package.removeprefix("pkg:").split("/")[0]]
        try:
            mine = order(version)
        except ValueError:
            return True
        return any(_equal(order, mine, other) for other in self.versions) or in_ranges(order, mine, self.ranges)


class Feed(_Strict):
    """``advisories/feed.json``.

    Attributes:
        type: always ``advisories``.
        created: when the data was current.
        sources: where it is from, each with the SHA-256 of what was read.
        advisories: sorted by package and name.
    """

    type: Literal["advisories"] = Field(default="advisories", alias="_type")
    created: Time
    sources: list[Annotated[str, Field(pattern=r"^[ -~]{1,200}$")]]
    advisories: list[Advisory]

    def encode(self) -> bytes:
        """The canonical bytes; equal input gives equal bytes."""
        return canonical.encode(self.model_dump(by_alias=True))


def make_feed(created: str, sources: list[str], advisories: Iterable[Advisory]) -> Feed:
    """A feed of ``advisories``, in order and none twice."""
    unique = {canonical.encode(advisory.model_dump()): advisory for advisory in advisories}
    ordered = sorted(unique, key=lambda data: (unique[data].package, unique[data].id, data))
    return Feed(created=created, sources=sources, advisories=[unique[data] for data in ordered])


def read_feed(data: bytes, name: str) -> Feed:
    """Read a feed whose digest is proven.

    Raises:
        ApplianceError: not in its form; names the field.
    """
    try:
        return Feed.model_validate(canonical.decode_canonical(data, name))
    except ValidationError as error:
        raise ApplianceError(
            f"{name}: {first_finding(error)}",
            rule="an advisory feed has the form of appliance/bundle/advisories/feed.py",
            remedy="make it again with appliance bundle advisories",
        ) from error


def _debian(version: str) -> Any:
    from debian.debian_support import NativeVersion  # noqa: PLC0415  # each library only where it is needed

    return NativeVersion(version)


def _python(version: str) -> Any:
    from packaging.version import Version as PythonVersion  # noqa: PLC0415

    return PythonVersion(version)


def _npm(version: str) -> Any:
    from semver import Version as SemanticVersion  # noqa: PLC0415

    return SemanticVersion.parse(version, optional_minor_and_patch=True)


ORDERS: dict[str, Callable[[str], Any]] = {
    "deb": lru_cache(maxsize=4096)(_debian),
    "pypi": lru_cache(maxsize=4096)(_python),
    "npm": lru_cache(maxsize=4096)(_npm),
}
"""By package type, what orders versions: deb-version(7), PEP 440, Semantic Versioning 2.0. Each raises ValueError."""


def in_ranges(order: Callable[[str], Any], mine: Any, ranges: Iterable[Range]) -> bool:
    """Whether a version is in one of the ranges; in one whose own versions cannot be compared it counts as being."""
    for affected in ranges:
        try:
            if _within(order, mine, affected):
                return True
        except ValueError:
            return True
    return False


def _equal(order: Callable[[str], Any], mine: Any, other: str) -> bool:
    """Whether ``other`` is another way to write the same version, as 1.0 and 1.0.0 are (PEP 440)."""
    try:
        return bool(order(other) == mine)
    except ValueError:
        return False


def _within(order: Callable[[str], Any], mine: Any, affected: Range) -> bool:
    if affected.limit is not None and not mine < order(affected.limit):
        return False
    if affected.introduced != BEGINNING and mine < order(affected.introduced):
        return False
    if affected.fixed is not None:
        return bool(mine < order(affected.fixed))
    return affected.last_affected is None or bool(mine <= order(affected.last_affected))
