"""`appliance bundle`."""

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.bundle.advisories import advisories, print_assessment
from appliance.cli.bundle.build import build
from appliance.cli.bundle.catalogue import catalogue
from appliance.cli.bundle.diff import diff
from appliance.cli.bundle.media import delta, gather, split
from appliance.cli.bundle.rebuild import rebuild
from appliance.cli.bundle.request import request, seal
from appliance.cli.shared import contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import Bundle, Json, MaybeFingerprint, RootFingerprint, Trusted, print_json, size

if TYPE_CHECKING:
    from appliance.bundle.read.inspect import Contents
    from appliance.bundle.read.verify import Report

app = Commands("bundle")
app.command()(build)


@app.callback()
def bundle() -> None:
    """Build, verify and inspect bundles."""


app.command()(advisories)
app.command()(diff)
app.command()(catalogue)
app.command()(split)
app.command()(gather)
app.command()(delta)
app.command()(request)
app.command()(seal)
app.command()(rebuild)


@app.command()
def verify(
    folder: Bundle,
    *,
    root_fingerprint: RootFingerprint,
    trusted: Trusted = None,
    base: Annotated[
        list[Path] | None,
        inputs.folder_option(
            "Earlier bundle, for what this one does not carry; repeat.", check=contents.is_bundle, metavar="BUNDLE"
        ),
    ] = None,
    freshness: Annotated[Path | None, inputs.file_option("The site's thresholds, policies/freshness.yml.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only failures and the summary.")] = False,
    as_json: Json = False,
) -> None:
    """Verify everything in a bundle and report on each target, changing nothing.

    Exit status: 0 everything holds, 1 refused, 2 wrong usage.

    Example: appliance bundle verify /media/bundle --root-fingerprint 9f3c...
    """
    from appliance.bundle.read.verify import verify_bundle  # keeps `appliance --help` quick
    from appliance.trust.repository.freshness import Freshness

    thresholds = Freshness.load(freshness) if freshness else Freshness()
    with Progress(shown=not as_json) as progress:
        repository, report = verify_bundle(
            folder,
            root_fingerprint,
            trusted=trusted,
            bases=base or [],
            on_proven=lambda proven: progress.begin(sum(target.length for target in proven.targets.values())),
            on_target=lambda result: progress.advance(
                result.size,
                result.finding
                or ("" if quiet else f"ok      {result.label:<24} {size(result.size):>9}  {result.path}"),
            ),
        )
    warnings = thresholds.judge(repository)
    if as_json:
        print_json(report.model_dump(mode="json") | {"warnings": warnings})
    else:
        _print_report(report)
        for warning in warnings:
            print(f"WARNING {warning}")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def inspect(
    folder: Bundle,
    *,
    root_fingerprint: MaybeFingerprint = None,
    files: Annotated[bool, typer.Option("--files", help="List every target too.")] = False,
    findings: Annotated[bool, typer.Option("--findings", help="List every known vulnerability.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a bundle carries: contents, sizes, labels, signers, known vulnerabilities.

    Example: appliance bundle inspect /media/bundle --files
    """
    from appliance.bundle.read.inspect import inspect_bundle

    contents = inspect_bundle(folder, root_fingerprint, vulnerabilities=True)
    if as_json:
        print_json(contents.model_dump(mode="json"))
    else:
        _print_contents(contents, files=files)
        if contents.vulnerabilities:
            print_assessment(contents.vulnerabilities, every=findings)


class Progress:
    """Progress over bytes: a bar on a terminal, one plain line a file otherwise.

    Args:
        shown: False for silence.
    """

    def __init__(self, *, shown: bool) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        self._shown = shown
        columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, transient=True) if shown and sys.stdout.isatty() else None
        self._task = self._bar.add_task("verifying", total=None) if self._bar else None

    def __enter__(self) -> "Progress":
        (self._bar or nullcontext()).__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        (self._bar or nullcontext()).__exit__(*exception)

    def begin(self, total: int) -> None:
        """Say how many bytes there are in all."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, count: int, line: str) -> None:
        """Count ``count`` more bytes and print ``line``, unless it is empty."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task, count)
            if line:
                self._bar.print(line, highlight=False, markup=False, soft_wrap=True)
        elif self._shown and line:
            print(line, flush=True)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _print_report(report: "Report") -> None:
    good = sum(target.ok for target in report.targets)
    for finding in report.findings:
        print(f"REFUSED {finding}")
    print(
        f"{report.result}{' (DEMO keys)' if report.demo else ''}: {good} of {len(report.targets)} targets, "
        f"{size(sum(target.size for target in report.targets))}, {len(report.images)} images with provenance and SBOM"
    )
    print(f"  version {report.version} of {_day(report.created)}, expires {_day(report.expires)}")
    print(f"  signed by {', '.join(report.signers['hybrid'])} with ECDSA P-384 and ML-DSA-87")


def _print_contents(contents: "Contents", *, files: bool) -> None:
    if contents.demo:
        print("DEMO - made with demonstration keys")
    if not contents.proven:
        print("NOT PROVEN - this is what the bundle says of itself; give --root-fingerprint, and use `bundle verify`")
    print(f"root     {contents.root}")
    print(f"version  {contents.version}, {_day(contents.created)}, expires {_day(contents.expires)}", end="")
    print(" - EXPIRED" if contents.expired else "")
    print(f"people   {', '.join(contents.people)}; {contents.threshold} must sign")
    for role, names in contents.signers.items():
        print(f"  {role:<10} {', '.join(names)}")
    print(f"contents {len(contents.targets)} files, {size(sum(group.size for group in contents.groups))}")
    for group in contents.groups:
        labels = ", ".join(f"{label} ({count})" for label, count in sorted(group.labels.items()))
        print(f"  {group.kind:<12} {group.files:>6} files {size(group.size):>10}  {labels}")
    if files:
        for target in contents.targets:
            print(f"  {target.sha256[:16]} {size(target.size):>10}  {target.label:<24} {target.path}")
