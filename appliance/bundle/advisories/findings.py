"""Match what a bundle carries with the advisory feed that it carries: which known vulnerabilities are open."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from packageurl import PackageURL
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from pydantic import BaseModel, ConfigDict

from appliance.bundle.advisories import vex
from appliance.bundle.advisories.feed import KIND, LIMIT, PATH, SEVERITIES, Advisory, Severity, read_feed
from appliance.bundle.advisories.identity import identify
from appliance.bundle.repository.proven import read_target
from appliance.trust import dsse
from appliance.trust.repository.metadata import Target
from appliance.trust.statements import MAXIMUM_SIZE

HOST = "the host"
_INDEX = "debs/Packages"
_SBOM = ".sbom.dsse.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Vulnerability(_Record):
    """A known vulnerability of a package in this bundle.

    Attributes:
        id: name of the vulnerability.
        aliases: its other names.
        severity: by the feed.
        package: package URL; of Debian packages the source package.
        version: the version here.
        fixed: the versions that have it no more.
        where: the images that hold the package, or the host.
        status: what an OpenVEX statement says, or ``open``.
        reason: why it does not matter, in the statement's words; empty while it does.
    """

    id: str
    aliases: tuple[str, ...]
    severity: Severity
    package: str
    version: str
    fixed: tuple[str, ...]
    where: tuple[str, ...]
    status: str = "open"
    reason: str = ""


class Assessment(_Record):
    """What the feed says of a bundle.

    Attributes:
        feed: when the feed was current, or None when the bundle carries none.
        sources: where the feed is from.
        unknown: why nothing can be said, otherwise empty.
        open: findings that matter, the worst first.
        dismissed: findings that do not, each with its reason.
        unmatched: OpenVEX statements that no finding of this bundle answers to.
    """

    feed: datetime | None = None
    sources: tuple[str, ...] = ()
    unknown: str = ""
    open: tuple[Vulnerability, ...] = ()
    dismissed: tuple[Vulnerability, ...] = ()
    unmatched: tuple[str, ...] = ()

    def counts(self) -> dict[Severity, int]:
        """Number of open findings by severity, the worst first."""
        return {s: n for s in SEVERITIES if (n := sum(finding.severity == s for finding in self.open))}

    def summary(self, now: datetime | None = None) -> str:
        """One line for people."""
        if self.unknown or self.feed is None:
            return f"vulnerabilities UNKNOWN: {self.unknown}"
        age = ((now or datetime.now(UTC)) - self.feed).days
        counts = ", ".join(f"{number} {severity}" for severity, number in self.counts().items()) or "none"
        day = f"{self.feed:%Y-%m-%d}"
        return f"vulnerabilities open: {counts}; {len(self.dismissed)} dismissed; feed of {day}, {age} days old"


def assess(bundle: Path, targets: Mapping[str, Target]) -> Assessment:
    """Match every package of a bundle with its feed and its OpenVEX statements.

    Args:
        bundle: folder with ``targets/``.
        targets: what its proven metadata lists.

    Raises:
        ApplianceError: a file that must be read is not what was signed, or not in its form.
    """
    if PATH not in targets:
        return Assessment(unknown="the bundle carries no advisory feed, so nobody can tell from it")
    needed = [t for t in targets.values() if t.custom.kind == KIND or t.path.endswith(_SBOM) or t.path == _INDEX]
    needed += [target for path, target in targets.items() if path.startswith(vex.FOLDER)]
    if missing := [t.path for t in needed if not os.path.lexists(bundle / "targets" / t.path)]:
        return Assessment(unknown=f"this is a delta without targets/{missing[0]}")
    feed = read_feed(read_target(bundle, targets[PATH], LIMIT), PATH)
    advisories: dict[str, list[Advisory]] = defaultdict(list)
    for advisory in feed.advisories:
        advisories[advisory.package].append(advisory)
    documents = {
        path: vex.read_vex(read_target(bundle, target, vex.LIMIT), path)
        for path, target in sorted(targets.items())
        if path.startswith(vex.FOLDER)
    }
    statements, used = vex.in_order(documents), set[str]()
    found = [
        finding
        for (package, version), where in sorted(_packages(bundle, targets).items())
        for advisory in advisories.get(package, [])
        if advisory.affects(version)
        for finding in _judge(advisory, version, where, statements, used)
    ]
    found = _once(sorted(found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.package, finding.id)))
    return Assessment(
        feed=datetime.fromisoformat(feed.created),
        sources=tuple(feed.sources),
        open=tuple(finding for finding in found if not finding.reason),
        dismissed=tuple(finding for finding in found if finding.reason),
        unmatched=tuple(
            f"{placed.where}: {placed.statement.vulnerability.name} in {placed.statement.named}"
            for placed in statements
            if placed.where not in used
        ),
    )


def _once(findings: list[Vulnerability]) -> list[Vulnerability]:
    """Each vulnerability once where two databases report it, with the first, worst severity."""
    first: dict[object, Vulnerability] = {}
    for finding in findings:
        first.setdefault((finding.id, finding.package, finding.version, finding.where), finding)
    return list(first.values())


def packages_of(bundle: Path, targets: Mapping[str, Target]) -> set[str]:
    """Package URLs, without versions, of everything in a bundle, as advisories name them."""
    return {package for package, _ in _packages(bundle, targets)}


def _packages(bundle: Path, targets: Mapping[str, Target]) -> dict[tuple[str, str], dict[str, str]]:
    """(package URL, version) of everything that images hold or the host installs, and where it is.

    Where is an image with the digest of its manifest, or the host with none.
    """
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for path, target in targets.items():
        if path.endswith(_SBOM):
            _, statement = dsse.payload_of(read_target(bundle, target, MAXIMUM_SIZE), path)
            subject = statement["subject"][0]
            for component in statement["predicate"].get("components", []):
                named = identify(PackageURL.from_string(component["purl"]))
                found[named.package, named.version][subject["name"]] = subject["digest"]["sha256"]
    for key in _installed_by_host(bundle, targets):
        found[key] = found[key] or {HOST: ""}
    return found


def _installed_by_host(bundle: Path, targets: Mapping[str, Target]) -> Iterator[tuple[str, str]]:
    """Debian packages and wheels of the bundle; those of images are among them."""
    from appliance.bundle.inputs.sources import upstreams  # noqa: PLC0415  # its library takes long to load

    if _INDEX in targets:
        for source in upstreams(read_target(bundle, targets[_INDEX], LIMIT)).values():
            name, _, version = source.partition("@")
            yield f"pkg:deb/debian/{name}", version
    for path in targets:
        if path.startswith("wheels/"):
            try:
                name, python_version, *_ = parse_wheel_filename(path.removeprefix("wheels/"))
            except InvalidWheelFilename:
                continue
            yield f"pkg:pypi/{name}", str(python_version)


def _judge(
    advisory: Advisory, version: str, where: Mapping[str, str], statements: list[vex.Placed], used: set[str]
) -> list[Vulnerability]:
    """One finding for each thing that the statements say, with the images for which they say it.

    The places of statements that say something are added to ``used``.
    """
    names = {advisory.id, *advisory.aliases}
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for image in sorted(where):
        status, reason = "open", ""
        for placed in statements:
            statement = placed.statement
            if statement.concerns(names, advisory.package, version, image, where[image]):
                used.add(placed.where)
                status = statement.status
                reason = statement.reason if status in {"not_affected", "fixed"} else ""
        said[status, reason].append(image)
    return [
        Vulnerability(
            id=advisory.id,
            aliases=tuple(advisory.aliases),
            severity=advisory.severity,
            package=advisory.package,
            version=version,
            fixed=tuple(affected.fixed for affected in advisory.ranges if affected.fixed),
            where=tuple(images),
            status=status,
            reason=reason,
        )
        for (status, reason), images in said.items()
    ]
