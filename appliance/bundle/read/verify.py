"""Verify a bundle, all of it, before anything uses it; and carry it onto the host in the same pass."""

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from appliance.bundle.evidence import labels
from appliance.bundle.evidence.attestations import verify_attestations
from appliance.bundle.evidence.layout import Image, Locate, read_layout
from appliance.bundle.media.bootstrap import BOOTSTRAP_FILE, check_copy
from appliance.bundle.read.delta import DELTA_FILE, require_held
from appliance.bundle.repository.carry import hash_target, stage_target
from appliance.bundle.repository.hashing import WORKERS
from appliance.bundle.repository.held import HeldBundles, is_whole
from appliance.bundle.repository.metadata import list_files
from appliance.errors import ApplianceError, visible
from appliance.trust import furniture
from appliance.trust.files import replace_file
from appliance.trust.repository.client import Repository, read_repository
from appliance.trust.repository.metadata import Target


class BundleError(ApplianceError):
    """A bundle that is refused."""


class TargetResult(BaseModel):
    """What was found out about one target.

    Attributes:
        path: below the targets folder.
        kind: what it is.
        label: its marking.
        size: bytes, as signed.
        ok: whether it is the file that was signed.
        finding: what is wrong, otherwise empty.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    kind: str
    label: str
    size: int
    ok: bool
    finding: str = ""


class Report(BaseModel):
    """The outcome of a verification.

    Attributes:
        result: PASSED or FAILED.
        root: fingerprint of the root.
        demo: whether demonstration keys signed it.
        version: version of the metadata.
        created: when the bundle was made.
        expires: when it expires.
        reference_time: the time that expiry was judged by.
        signers: role to names of people.
        targets: one entry a target, and one for each file that nobody signed.
        images: images by name; empty when a target failed.
        builders: image to builder id, from verified provenance.
        findings: everything wrong, each a sentence that names a file.
    """

    result: Literal["PASSED", "FAILED"]
    root: str
    demo: bool
    version: int
    created: datetime
    expires: datetime
    reference_time: datetime
    signers: dict[str, tuple[str, ...]]
    targets: list[TargetResult]
    images: dict[str, Image]
    builders: dict[str, str]
    findings: list[str]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.result == "PASSED"

    def require(self) -> None:
        """Refuse unless everything holds.

        Raises:
            BundleError: names the first finding and counts the others.
        """
        if not self.ok:
            more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
            raise BundleError(
                self.findings[0] + more,
                rule="every file of the bundle is exactly what was signed, or nothing of it is used",
                remedy="carry the bundle again from its source, or the named files alone",
            )


OnTarget = Callable[[TargetResult], None]


def verify_bundle(
    bundle: Path,
    root_fingerprint: str,
    *,
    trusted: Path | None = None,
    bases: Sequence[Path] = (),
    now: datetime | None = None,
    on_proven: Callable[[Repository], None] | None = None,
    on_target: OnTarget | None = None,
) -> tuple[Repository, Report]:
    """Verify metadata, every target, the images and their attestations, changing nothing.

    Args:
        bundle: folder with ``metadata/`` and ``targets/``.
        root_fingerprint: SHA-256 of ``1.root.json``, from paper.
        trusted: the metadata that this host accepted last, or None.
        bases: earlier bundles on this host, from which files are taken that this one does not carry.
        now: the latest time the host is sure of, UTC; by default its clock.
        on_proven: called once the metadata is proven, before any target is read.
        on_target: called as each target is done, largest first.

    Returns:
        The proven metadata and the report; wrong targets are findings in the report.

    Raises:
        ApplianceError: the metadata does not prove itself, so that nothing more can be said, or the bundle is a delta
            and what it presupposes is not here.
    """
    repository = read_repository(bundle / "metadata", root_fingerprint, trusted=trusted, now=now)
    if on_proven:
        on_proven(repository)
    return repository, verify_targets(bundle, repository, bases=bases, on_target=on_target)


def verify_targets(
    bundle: Path, repository: Repository, *, bases: Sequence[Path] = (), on_target: OnTarget | None = None
) -> Report:
    """Verify what ``verify_bundle`` verifies, after the metadata, which ``repository`` has proven."""
    held = HeldBundles(bases)
    require_held(bundle, held, list(repository.targets.values()))
    strays = _strays(bundle, repository.targets)
    results = _each_target(
        repository.targets, lambda target: hash_target(held.locate(bundle, target), target), on_target
    )
    return _report(repository, lambda path: held.locate(bundle, repository.targets[path]), results, strays)


def require_present(bundle: Path, repository: Repository, *, bases: Sequence[Path] = ()) -> None:
    """Refuse a bundle that lacks a file, or has one of another length, before any file is read.

    Raises:
        ApplianceError: names the first of them; or the bundle is a delta, and what it presupposes is not here.
    """
    held, targets = HeldBundles(bases), list(repository.targets.values())
    require_held(bundle, held, targets)
    wrong = [target.path for target in targets if _size(held.locate(bundle, target)) != target.length]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise BundleError(
            f"targets/{wrong[0]}: missing, or not as long as what was signed{more}",
            rule="every file of the bundle is exactly what was signed, or nothing of it is used",
            remedy="carry the bundle again from its source, or the named file alone",
        )


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return -1


def stage_bundle(
    bundle: Path,
    destination: Path,
    repository: Repository,
    *,
    bases: Sequence[Path] = (),
    on_target: OnTarget | None = None,
) -> Report:
    """Copy a bundle onto the host, hashing what is copied in the same pass, and verify all of it.

    A file that is already at the destination, complete and right, is not copied again. A file that is wrong is removed.
    Nothing outside ``destination`` changes. When the report passes, everything is on disk. When it does not, a
    destination that held no whole bundle before is removed.

    Args:
        bundle: the medium.
        destination: the staging folder.
        repository: the medium's metadata, proven.
        bases: earlier bundles on this host, from which files are taken that this one does not carry.
        on_target: called as each target is done.

    Raises:
        ApplianceError: the bundle is a delta and what it presupposes is not here, or the destination is full or not
            writable.
    """
    held = HeldBundles(bases)
    require_held(bundle, held, list(repository.targets.values()))
    strays = _strays(bundle, repository.targets)
    try:
        (destination / "metadata").mkdir(parents=True, exist_ok=True)
        for parent in sorted({(destination / "targets" / path).parent for path in repository.targets}):
            parent.mkdir(parents=True, exist_ok=True)
        results = _each_target(
            repository.targets, lambda target: stage_target(held, bundle, destination, target), on_target
        )
        report = _report(repository, lambda path: destination / "targets" / path, results, strays)
        if report.ok:
            for name, data in repository.files.items():
                replace_file(destination / "metadata" / name, data)
        elif not is_whole(destination):
            shutil.rmtree(destination)
    except OSError as error:
        raise BundleError(
            f"{destination}: cannot be written: {error.strerror}", remedy="make room, or name another folder"
        ) from error
    os.sync()
    return report


def _each_target(
    targets: dict[str, Target], check: Callable[[Target], str], on_target: OnTarget | None
) -> list[TargetResult]:
    results = []
    with ThreadPoolExecutor(WORKERS) as pool:
        order = sorted(targets.values(), key=lambda target: -target.length)
        jobs = {pool.submit(check, target): target for target in order}
        try:
            for job in as_completed(jobs):
                result = _result(jobs[job], job.result())
                results.append(result)
                if on_target:
                    on_target(result)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(results, key=lambda result: result.path)


def _result(target: Target, finding: str) -> TargetResult:
    return TargetResult(
        path=target.path,
        kind=target.custom.kind,
        label=target.custom.label,
        size=target.length,
        ok=not finding,
        finding=finding,
    )


def _strays(bundle: Path, targets: dict[str, Target]) -> list[str]:
    """What lies in the bundle without being listed; the metadata folder was checked before."""
    known = {"metadata", "targets", BOOTSTRAP_FILE, DELTA_FILE}
    beside = [entry for entry in bundle.iterdir() if entry.name not in known]
    strays = [
        furniture.stray(entry.name, "not part of a bundle") for entry in beside if not furniture.on_top(entry.name)
    ]
    strays += check_copy(bundle, targets)
    strays += [f"{visible(entry.name)}: a symbolic link" for entry in bundle.iterdir() if entry.is_symlink()]
    missing = [path for path in targets if not os.path.lexists(bundle / "targets" / path)]
    for path in list_files(bundle / "targets"):
        mode = (bundle / "targets" / path).lstat().st_mode
        if path not in targets:
            strays.append(furniture.unlisted(f"targets/{path}", [f"targets/{one}" for one in missing]))
        elif not stat.S_ISREG(mode):
            strays.append(f"targets/{path}: not a regular file")
    return sorted(strays)


def _report(repository: Repository, locate: Locate, results: list[TargetResult], strays: list[str]) -> Report:
    """Judge what belongs together, once each target is proven."""
    wrong = [result.finding for result in results if result.finding]
    findings = list(dict.fromkeys([*strays, *wrong, *labels.unmarked(repository.targets.values())]))
    images: dict[str, Image] = {}
    builders: dict[str, str] = {}
    if all(result.ok for result in results):
        try:
            images = read_layout(locate, repository.targets)
            attested = verify_attestations(locate, repository.targets, images, repository.registered)
            builders = {name: statements.builder for name, statements in attested.items()}
        except ApplianceError as error:
            findings.append(error.message)
    return Report(
        result="FAILED" if findings else "PASSED",
        root=repository.root,
        demo=repository.registered.demo,
        version=repository.version,
        created=repository.created,
        expires=repository.expires,
        reference_time=repository.reference_time,
        signers=repository.signers,
        targets=results,
        images=images,
        builders=builders,
        findings=findings,
    )
