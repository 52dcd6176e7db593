"""Install: prove everything, let `install.yml` change the host step by step, and return when it does not end well."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Entity, Scope, Verdict
from appliance.audit.events.text import printable
from appliance.bundle.read.summary import write_summary
from appliance.bundle.read.verify import Report, require_present, stage_bundle, verify_targets
from appliance.bundle.repository.held import held_bundles
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site, check_handed_over
from appliance.errors import ApplianceError
from appliance.host.change import clusters, converge, preflight, prune, stack
from appliance.host.change.devices import record_owners
from appliance.host.change.offered import Offered
from appliance.host.enforce.platform import detect, free_bytes
from appliance.host.enforce.podman import Podman
from appliance.host.state import clock, generation, space
from appliance.monitor.decide.revocations import FOLDER, revoked
from appliance.monitor.in_force import lineage
from appliance.monitor.in_force.statements import Statements, check_not_older, known_statements, read_statements
from appliance.playbook import TaskEvent, run_playbook
from appliance.trust.keys import host_key
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.freshness import Freshness

Progress = Callable[[str], None]
NO_PATH = {"PYTHONPATH": ""}  # the bundle's software runs its own code, whatever the caller has
FULL = 256 << 20  # with less room than this, what a failed installation staged is deleted rather than kept for the next


@dataclass
class Stages:
    """The stages of an installation, told as they begin, with their seconds when they are done."""

    progress: Progress
    done: list[dict[str, Any]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell and time one stage."""
        self.progress(name)
        started = time.monotonic()
        yield
        self.done.append({"stage": name, "seconds": round(time.monotonic() - started, 2)})

    def tell(self, event: TaskEvent) -> None:
        """Tell and time one task of the playbook."""
        name = f"{event.role}: {event.task}"
        if event.event == "started":
            self.progress(f"  {name}")
        elif event.event == "ok":
            self.changed += [name] if event.changed else []
            if event.seconds >= 0.5:
                self.done.append({"stage": name, "seconds": event.seconds})


def install(
    paths: HostPaths,
    bundle: Path,
    site: Path,
    *,
    root_fingerprint: str,
    officers_fingerprint: str,
    dry_run: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Install ``bundle`` for ``site``.

    Args:
        paths: where the appliance lives on this host.
        bundle: the bundle's folder, which may be read-only media.
        site: the site folder.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        officers_fingerprint: SHA-256 of ``officers.json``, from paper.
        dry_run: prove and check everything, change nothing; what would refuse is a finding in the report.
        progress: told of each stage.

    Returns:
        Stages with their times, the generation that runs, the tasks that changed something, and the findings.

    Raises:
        ApplianceError: something does not hold. Before the stage "copy" nothing was changed; after it, what ran before
            runs again.
    """
    stages = Stages(progress)
    with stages.stage("verify the site's statements"):
        statements = read_statements(site, officers_fingerprint)
        back = lineage.read_roll_back(
            site, officers_fingerprint, statements.site.site, revoked(paths.root / FOLDER, "roll-back")
        )
        gone_back = []
        if known := known_statements(paths):
            gone_back = check_not_older(known, statements, back)
            check_handed_over(known.site, statements.site)
    trusted = paths.root / "trusted" / "tuf"
    bases = held_bundles(paths.root / "bundle")
    with stages.stage("verify the bundle's metadata"):
        latest = clock.latest(paths.root / "log")
        repository = read_repository(bundle / "metadata", root_fingerprint, trusted=_existing(trusted), now=latest)
        require_present(bundle, repository, bases=bases)
        offered = Offered(bundle, repository, bases)
        for warning in thresholds(bundle, repository).judge(repository):
            progress(f"  {warning}")
    staged = paths.root / "bundle" / f"{repository.version}-{repository.root[:8]}"
    with stages.stage("check this host"):
        findings = _examine(paths, statements, offered, staged.name, repository)
        for finding in findings:
            progress(f"  REFUSED: {finding.message}" if isinstance(finding, ApplianceError) else f"  {finding}")
    if dry_run:
        with stages.stage("hash every byte of the bundle"):
            verify_targets(bundle, repository, bases=bases).require()
    else:
        preflight.require(findings)
        fresh = not paths.root.exists()
        with converge.exclusive(paths), _way_back(paths, progress):
            with stages.stage("copy the bundle, hashing every byte"):
                copied = stage_bundle(bundle, staged, repository, bases=bases)
                if fresh and not copied.ok:
                    shutil.rmtree(paths.root)
                copied.require()
            with stages.stage("sign the verification summary and record the installation"):
                key = host_key(paths.root / "secrets" / "host.pem", demo=statements.site.demo)
                summary = write_summary(repository, copied, key, paths.root / "verifications")
                _record(paths, statements.site, copied, summary)
                record_owners(paths, known.site if known else None, statements.site)
                if back and gone_back:
                    _record_return(paths, statements, back)
            with stages.stage("install"):
                _play(paths, staged, site, officers_fingerprint, stages)
        with stages.stage("delete what no generation needs any more"):
            prune.prune(paths)
    now = generation.current(paths)
    return {
        "stages": stages.done,
        "generation": generation.number_of(now) if now else None,
        "changed": len(stages.changed),
        "changed_tasks": stages.changed,
        "bundle": staged.name,
        "dry_run": dry_run,
        "ready": not any(isinstance(finding, ApplianceError) for finding in findings),
        "findings": [f.as_dict() if isinstance(f, ApplianceError) else {"found": f} for f in findings],
        "bundle_bytes": sum(target.length for target in repository.targets.values()),
    }


def _examine(
    paths: HostPaths, statements: Statements, offered: Offered, bundle: str, repository: Repository
) -> list[preflight.Obstacle]:
    sizes = {target.path: target.length for target in repository.targets.values()}
    major = offered.major()
    needs = [*space.needs(paths, statements.site, bundle, sizes), *clusters.needs(paths, major)]
    host = preflight.Host(
        paths=paths,
        site=statements.site,
        policy=statements.policy,
        offered=offered.catalogue(),
        platform=detect(),
        rooms=space.rooms(needs),
        major=major,
        reference_time=repository.reference_time,
        now=datetime.now(UTC),
        labels={target.path: target.custom.label for target in repository.targets.values()},
    )
    return preflight.examine(host)


def _play(paths: HostPaths, staged: Path, site: Path, officers_fingerprint: str, stages: Stages) -> None:
    variables = playbook_variables(paths, staged, site, officers_fingerprint)
    run_playbook(staged / "targets" / "playbooks" / "install.yml", variables, on_event=stages.tell, environment=NO_PATH)


def playbook_variables(paths: HostPaths, staged: Path, site: Path, officers_fingerprint: str) -> dict[str, Any]:
    """What `install.yml` is told of this host, of a staged bundle and of the site folder."""
    return {
        "appliance_root": str(paths.root),
        "appliance_run": str(paths.run),
        "appliance_bundle": str(staged),
        "appliance_software": str(paths.root / "software" / staged.name),
        "appliance_site": str(site),
        "appliance_officers_fingerprint": officers_fingerprint,
        "appliance_systemd": detect().systemd,
    }


@contextmanager
def _way_back(paths: HostPaths, progress: Progress) -> Iterator[None]:
    """Bring back what ran before when the installation fails in between."""
    before = generation.current(paths)
    try:
        yield
    except (ApplianceError, OSError) as error:
        now = generation.current(paths)
        if free_bytes(paths.root) < FULL:
            prune.drop_unused(paths, [before] if before else [])
        if now is None or (now == before and not (before / "healthy").exists()):
            raise
        if before is None:
            raise _stop_first(paths, now, error, progress) from error
        if now == before:
            converge.converge(paths, progress)
            raise
        raise converge.give_back(paths, now, before, error, progress) from error


def _stop_first(paths: HostPaths, failed: Path, error: ApplianceError | OSError, progress: Progress) -> ApplianceError:
    """Stop a first generation that did not become healthy: nothing ran before, so nothing runs now."""
    reason = getattr(error, "message", str(error))
    generation.mark_failed(failed, reason)
    stack.stop(paths, Podman(paths), progress)
    (paths.root / "current").unlink()
    return ApplianceError(
        f"generation {failed.name} was given up; nothing ran before, so nothing runs now: {reason}",
        rule="what does not become healthy does not stay (docs/sysadmin/update-and-go-back.md, When an update fails)",
        remedy="correct the cause and install again; what was staged is not copied again",
    )


def thresholds(bundle: Path, repository: Repository) -> Freshness:
    """The thresholds that the bundle carries, where the file is the signed one; otherwise the built-in ones."""
    name = "policies/freshness.yml"
    file = bundle / "targets" / name
    target = repository.targets.get(name)
    if target and file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == target.sha256:
        return Freshness.load(file)
    return Freshness()


def _record(paths: HostPaths, site: Site, report: Report, summary: Path) -> None:
    """Record the installation in the spool, before anything of it takes effect."""
    entity = Entity(kind="bundle", name=f"version {report.version}", digest=f"sha256:{report.root}")
    digest = hashlib.sha256(summary.read_bytes()).hexdigest()
    verdict = Verdict(allowed=True, rule="bundle.verified", policy=f"sha256:{digest}")
    scope = Scope(label=site.system_high.marking.label.encode())
    event = events.configuration(scope, "host", "install", entity, verdict)
    spool.record(paths.root, event)


def _record_return(paths: HostPaths, statements: Statements, back: lineage.RollBack) -> None:
    """Record, before it takes effect, that two officers go back to an earlier statement."""
    version = statements.version(back.statement)
    entity = Entity(kind=back.statement, name=f"version {version}", digest=f"sha256:{back.wanted}")
    verdict = Verdict(allowed=True, rule=lineage.RULE, reason=printable(back.reason))
    scope = Scope(label=statements.site.system_high.marking.label.encode())
    event = events.configuration(scope, "host", "install", entity, verdict)
    spool.record(paths.root, event)


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None
