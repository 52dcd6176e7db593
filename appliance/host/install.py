"""Install: prove everything, then let `install.yml` change the host step by step."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.audit import events, spool
from appliance.audit.events import Entity, Scope, Verdict
from appliance.bundle.base import held_bundles
from appliance.bundle.summary import write_summary
from appliance.bundle.verify import Report, stage_bundle, verify_bundle
from appliance.enclave.render import HostPaths
from appliance.enclave.site import Site
from appliance.host import preflight
from appliance.host.platform import detect
from appliance.monitor.statements import check_not_older, installed_statements, read_statements
from appliance.playbook import TaskEvent, run_playbook
from appliance.trust.client import remember
from appliance.trust.freshness import Freshness
from appliance.trust.keys import host_key

Progress = Callable[[str], None]


class _Stages:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.done: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.progress(name)
        started = time.monotonic()
        yield
        self.done.append({"stage": name, "seconds": round(time.monotonic() - started, 2)})


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
        dry_run: prove and check everything, change nothing.
        progress: told of each stage.

    Returns:
        Stages with their times, and the generation that runs.

    Raises:
        ApplianceError: something does not hold; before the stage "copy" nothing was changed.
    """
    stages = _Stages(progress)
    with stages.stage("verify the site's statements"):
        statements = read_statements(site, officers_fingerprint)
        if (paths.root / "trusted" / "officers.sha256").is_file():
            check_not_older(installed_statements(paths), statements)
    trusted = paths.root / "trusted" / "tuf"
    bases = held_bundles(paths.root / "bundle")
    with stages.stage("verify the bundle"):
        repository, report = verify_bundle(bundle, root_fingerprint, trusted=_existing(trusted), bases=bases)
        report.require()
        for warning in Freshness().judge(repository):
            progress(f"  {warning}")
    size = sum(target.size for target in report.targets)
    with stages.stage("check this host"):
        for line in preflight.check(paths, statements.site, size):
            progress(f"  {line}")
    if not dry_run:
        staged = paths.root / "bundle" / f"{report.version}-{report.root[:8]}"
        with stages.stage("copy the bundle, hashing every byte again"):
            repository, copied = stage_bundle(bundle, staged, root_fingerprint, trusted=_existing(trusted), bases=bases)
            copied.require()
        with stages.stage("sign the verification summary and record the installation"):
            key = host_key(paths.root / "secrets" / "host.pem", demo=statements.site.demo)
            summary = write_summary(repository, copied, key, paths.root / "verifications")
            _record(paths, statements.site, copied, summary)
        variables = {
            "appliance_root": str(paths.root),
            "appliance_run": str(paths.run),
            "appliance_bundle": str(staged),
            "appliance_site": str(site),
            "appliance_officers_fingerprint": officers_fingerprint,
            "appliance_systemd": detect().systemd,
        }
        playbook = staged / "targets" / "playbooks" / "install.yml"
        with stages.stage("install"):
            run_playbook(playbook, variables, on_event=lambda event: _tell(event, stages))
        remember(repository, trusted)
    current = paths.root / "current"
    return {
        "stages": stages.done,
        "generation": int(current.readlink().name) if current.is_symlink() else None,
        "dry_run": dry_run,
        "bundle_bytes": size,
    }


def _record(paths: HostPaths, site: Site, report: Report, summary: Path) -> None:
    """Record the installation in the spool, before anything of it takes effect."""
    entity = Entity(kind="bundle", name=f"version {report.version}", digest=f"sha256:{report.root}")
    digest = hashlib.sha256(summary.read_bytes()).hexdigest()
    verdict = Verdict(allowed=True, rule="bundle.verified", policy=f"sha256:{digest}")
    scope = Scope(label=site.system_high.marking.label.encode())
    event = events.configuration(scope, "host", "install", entity, verdict)
    spool.append(os.fspath(paths.root / "spool"), event.record()[1])


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _tell(event: TaskEvent, stages: _Stages) -> None:
    if event.event == "started":
        stages.progress(f"  {event.role}: {event.task}")
    elif event.event == "ok" and event.seconds >= 0.5:
        stages.done.append({"stage": f"{event.role}: {event.task}", "seconds": event.seconds})
