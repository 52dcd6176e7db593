"""What is in force on this host: the site's statements, read again with their signatures each time they are used."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site, parse_site
from appliance.errors import ApplianceError
from appliance.monitor.decide.policy import AccessPolicy, parse_policy
from appliance.monitor.decide.registry import Registry, parse_registry
from appliance.monitor.in_force import lineage
from appliance.monitor.in_force.lineage import RollBack, Versioned
from appliance.trust.officers import check_authority, load_officers, load_signed, payload_digest

KINDS = ("site", "subjects", "access")
PIN = "officers.sha256"
RESTORED_SITE = "restored-site"
"""The site folder of a host that was restored from a backup, until a generation is installed on it."""
FILES = ("officers.json", "certificates/ca.pem", *(f"{kind}.dsse.json" for kind in KINDS))


@dataclass(frozen=True)
class Statements:
    """Site, subjects and access policy, each signed by two officers.

    ``digests`` are SHA-256 of the signed files, ``payloads`` of what is signed in them.
    """

    site: Site
    registry: Registry
    policy: AccessPolicy
    digests: dict[str, str]
    payloads: dict[str, str] = field(default_factory=dict)

    @property
    def policy_digest(self) -> str:
        """SHA-256 of the signed access policy, hexadecimal."""
        return self.digests["access"]

    def version(self, kind: str) -> int:
        """Version of the statement of a kind."""
        return self.of(kind).version

    def of(self, kind: str) -> Versioned:
        """The statement of a kind."""
        every: dict[str, Versioned] = {"site": self.site, "subjects": self.registry, "access": self.policy}
        return every[kind]


def read_statements(folder: Path, officers_fingerprint: str) -> Statements:
    """Verify and read the statements in a site folder.

    Args:
        folder: has ``officers.json``, ``site.dsse.json``, ``subjects.dsse.json``, ``access.dsse.json``.
        officers_fingerprint: SHA-256 of ``officers.json``, from paper.

    Raises:
        ApplianceError: a signature, the site's authority, a marking or a field does not hold; names the file.
    """
    return _read((folder, officers_fingerprint), (folder, officers_fingerprint))


def known_statements(paths: HostPaths) -> Statements | None:
    """What is in force, or was on the host whose backup was restored here; None on a new host.

    Raises:
        ApplianceError: a statement does not hold.
    """
    if (paths.root / "current").is_symlink():
        return installed_statements(paths)
    restored = paths.root / RESTORED_SITE
    return read_accepted(restored, paths.registries / "current") if restored.is_dir() else None


def read_accepted(site: Path, registries: Path) -> Statements:
    """Verify and read what a host accepted: a generation's site, and the registries that are kept apart from it.

    Args:
        site: has ``officers.json``, ``site.dsse.json`` and the officers' fingerprint that was accepted with it.
        registries: has ``officers.json``, ``subjects.dsse.json``, ``access.dsse.json`` and the fingerprint likewise.

    Raises:
        ApplianceError: a statement does not hold; names the file.
    """
    pinned_site, pinned = ((place, (place / PIN).read_text().strip()) for place in (site, registries))
    return _read(pinned_site, pinned)


def installed_statements(paths: HostPaths) -> Statements:
    """What is in force: the site of the current generation, and the registries that this host accepted last.

    Each is verified against the officers whose fingerprint was accepted with it, so that a return to an earlier
    generation brings its site back, and never an earlier list of subjects or access policy.

    Raises:
        ApplianceError: nothing is installed, or a statement does not hold.
    """
    places = (paths.root / "current" / "site", paths.registries / "current")
    if not all((place / PIN).is_file() for place in places):
        raise ApplianceError(f"nothing is installed in {paths.root}", remedy="appliance host install --help")
    return read_accepted(*places)


def _read(site: tuple[Path, str], registries: tuple[Path, str]) -> Statements:
    """Read both folders, each with the fingerprint of its officers."""
    officers = load_officers(site[0] / "officers.json", site[1])
    check_authority(officers, site[0] / "certificates" / "ca.pem")
    signers = load_officers(registries[0] / "officers.json", registries[1])
    places = {"site": (site[0], officers), "subjects": (registries[0], signers), "access": (registries[0], signers)}
    files = {kind: folder / f"{kind}.dsse.json" for kind, (folder, _) in places.items()}
    data = {kind: load_signed(file, places[kind][1], kind) for kind, file in files.items()}
    statements = Statements(
        site=parse_site(data["site"], files["site"].name),
        registry=parse_registry(data["subjects"], files["subjects"].name),
        policy=parse_policy(data["access"], files["access"].name),
        digests={kind: hashlib.sha256(file.read_bytes()).hexdigest() for kind, file in files.items()},
        payloads={kind: payload_digest(value) for kind, value in data.items()},
    )
    for kind, named in (("subjects", statements.registry.site), ("access", statements.policy.site)):
        if named not in {None, statements.site.site}:
            raise ApplianceError(
                f"{files[kind].name}: is of the site {named}, not of {statements.site.site}",
                rule="a statement serves the site that two officers signed it for",
                remedy=f"carry {kind}.dsse.json of this site",
            )
    check_agreement(statements.registry, statements.policy)
    return statements


def check_agreement(registry: Registry, policy: AccessPolicy) -> None:
    """Refuse registries that name what the other does not know: a rule about nobody, or a person who may do nothing.

    Raises:
        ApplianceError: a role that may do nothing, a need-to-know group that nobody belongs to, or a recipient who is
            not registered.
    """
    for subject in registry.subjects:
        for role in subject.roles:
            if role not in policy.roles:
                raise ApplianceError(
                    f"subjects: {subject.name} has the role {role!r}, which access.yml does not have",
                    rule="access.yml says which roles there are, by what each may do (docs/officer.md)",
                    remedy=f"one of {', '.join(policy.roles)}; or add {role} to access.yml, signed by two officers",
                )
    held = {group for subject in registry.subjects for group in subject.groups}
    for group in policy.groups:
        if group not in held:
            raise _disagreement(f"a route needs the group {group!r}, to which no subject belongs")
    for decision in policy.originator_decisions:
        for name in decision.recipients:
            if registry.find(name) is None:
                raise _disagreement(f"the originator's decision {decision.reference} names {name!r}, no subject")


def check_successor(old: Statements, new: Statements, back: RollBack | None = None) -> list[str]:
    """Refuse statements that may not follow those in force: another site, an older version, or two of one version.

    Returns:
        The kinds in which two officers go back.

    Raises:
        ApplianceError: names the statement.
    """
    before, after = old.site.markings.profile, new.site.markings.profile
    if before != after:
        raise ApplianceError(
            f"site: markings.profile is {after}, and {before} is in force",
            rule="services are told how markings are read when they start, and all of a host read alike",
            remedy="appliance host install",
        )
    if new.site != old.site:
        raise ApplianceError(
            "site: the enclaves are not those that run",
            rule="a change of enclaves makes networks, volumes and containers, which an installation does",
            remedy="appliance host install",
        )
    return _follow(old, new, back, ("subjects", "access"), strictly=True)


def check_not_older(old: Statements, new: Statements, back: RollBack | None = None) -> list[str]:
    """Refuse to go back to an earlier version of site, subjects or access rules, unless two officers signed that.

    Returns:
        The kinds in which they go back.

    Raises:
        ApplianceError: names the statement.
    """
    return _follow(old, new, back, KINDS, strictly=False)


def _follow(
    old: Statements, new: Statements, back: RollBack | None, kinds: tuple[str, ...], *, strictly: bool
) -> list[str]:
    gone_back = []
    for kind in kinds:
        pair = [(one.of(kind), one.payloads.get(kind, one.digests[kind])) for one in (old, new)]
        if lineage.check_follows(kind, pair[0], pair[1], back, strictly=strictly):
            gone_back.append(kind)
        else:
            lineage.check_named(kind, old.of(kind), new.of(kind))
    return gone_back


def _disagreement(what: str) -> ApplianceError:
    return ApplianceError(
        f"access: {what}",
        rule="a rule that can apply to nobody is a mistake (docs/officer.md)",
        remedy="correct access.yml or subjects.yml and have two officers sign it again",
    )
