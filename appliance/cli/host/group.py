"""`appliance host`."""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.bundle.advisories import print_assessment
from appliance.cli.host import backup as host_backup
from appliance.cli.host import internal as host_internal
from appliance.cli.host.calendar import calendar
from appliance.cli.host.carried import carried
from appliance.cli.host.closing import close_upgrade, sign_closing
from appliance.cli.host.inventory import inventory
from appliance.cli.host.rotate import rotate
from appliance.cli.host.space import free, space
from appliance.cli.host.support import support
from appliance.cli.shared import contents, inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import (
    ROOT,
    ROOT_IS,
    RUN,
    DryRun,
    Json,
    NewRoot,
    Root,
    RootFingerprint,
    Run,
    disc_prompt,
    print_json,
    progress_printer,
)
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.enclave.paths import HostPaths

app = Commands("host")
app.command()(calendar)
app.command()(carried)
app.command("sign-closing")(sign_closing)
app.command("close-upgrade")(close_upgrade)
app.command()(host_backup.backup)
app.command()(host_backup.restore)
app.command()(inventory)
app.command()(rotate)
app.command()(space)
app.command()(free)
app.command()(support)
for internal in (host_internal.step, host_internal.reconcile, host_internal.decided):
    app.command(hidden=True)(internal)


class What(StrEnum):
    """What :class:`appliance.host.watching.watch.Watch` looks at."""

    storage = "storage"
    review = "review"
    anchor = "anchor"
    calendar = "calendar"


@app.callback()
def host() -> None:
    """Install, check and remove the appliance on this host."""
    os.umask(0o022)  # containers read what is put in place for them, whatever mask the host sets


@app.command()
def install(
    media: Annotated[
        list[Path],
        inputs.folder_argument(
            "The bundle's folder, or its discs in any order.", check=contents.is_bundle, metavar="BUNDLE"
        ),
    ],
    site: Annotated[
        Path,
        inputs.folder_option("The site folder, with its signed statements and certificates.", check=contents.is_site),
    ],
    root_fingerprint: RootFingerprint,
    officers_fingerprint: Annotated[str, inputs.fingerprint_option("SHA-256 of the site's officers.json, from paper.")],
    root: NewRoot = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    r"""Verify a bundle and the site's statements, then install and start what they say.

    Nothing on this host changes before everything is proven. Discs are read into the staging folder, each once; a
    terminal asks for the next one, and a rehearsal (--dry-run) reads them there too. Exit status: 0 installed,
    1 refused, 3 discs are still missing: insert one of them and give the same command again.

    Example: appliance host install /media/disc --site /media/site \
        --root-fingerprint 9f3c... --officers-fingerprint 07aa...
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change.install import install as run_install

    say = progress_printer(quiet=as_json)
    report = run_install(
        HostPaths(root.resolve(), run),
        _bundle_on(media, root.resolve(), root_fingerprint, say, disc_prompt()),
        site.resolve(),
        root_fingerprint=root_fingerprint,
        officers_fingerprint=officers_fingerprint,
        dry_run=dry_run,
        progress=say,
    )
    if as_json:
        print_json(report)
    else:
        for stage in report["stages"]:
            print(f"{stage['seconds']:8.1f} s  {stage['stage']}")
        print("nothing was changed (dry run)" if dry_run else f"installed: generation {report['generation']}")
    if not report["ready"]:
        raise typer.Exit(1)


def _bundle_on(
    media: list[Path], root: Path, root_fingerprint: str, say: Callable[[str], None], ask: Callable[[str], None] | None
) -> Path:
    """The bundle's folder, put together from discs where it came on some."""
    from appliance.bundle.media.gather import gather_bundle

    for medium in media if len(media) > 1 else ():
        contents.is_disc(medium, "BUNDLE: the bundle's folder, or its discs in any order")
    trusted = root / "trusted" / "tuf"
    return gather_bundle(
        [medium.resolve() for medium in media],
        root / "bundle",
        root_fingerprint,
        trusted=trusted if trusted.is_dir() else None,
        on_disc=lambda disc: say("\n".join([*disc.findings, f"disc {disc.number} of {disc.count} read"])),
        ask=ask,
    )


@app.command()
def status(
    root: Root = ROOT,
    run: Run = RUN,
    findings: Annotated[bool, typer.Option("--findings", help="List every known vulnerability.")] = False,
    as_json: Json = False,
) -> None:
    """Show generation, what is unfinished, layers of enforcement, containers with their labels, vulnerabilities.

    Example: appliance host status
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.enforce.platform import detect
    from appliance.host.enforce.podman import Podman
    from appliance.host.report.status import lines as status_lines
    from appliance.host.report.status import status as read_status
    from appliance.host.report.vulnerabilities import installed_vulnerabilities
    from appliance.host.watching.layers import layers
    from appliance.host.watching.reconciler import look
    from appliance.monitor.in_force.statements import installed_statements

    paths = HostPaths(root.resolve(), run)
    _installed(paths)
    podman = Podman(paths)
    report = read_status(paths, podman)
    vulnerabilities = installed_vulnerabilities(paths)
    report["layers"] = []
    if report["generation"]:
        found = look(paths, podman, installed_statements(paths).site)
        report["layers"] = [layer.as_dict() for layer in layers(paths, detect(), found)]
    if as_json:
        print_json(report | {"vulnerabilities": vulnerabilities.model_dump(mode="json")})
        return
    watcher, back = report["watcher"], report["previous"]
    print(f"generation {report['generation']}{f', before it {back}' if back else ''}", end="")
    print(f", monitor {'running' if report['monitor'] else 'STOPPED'}", end="")
    print(f", watcher {'running' if watcher['pid'] else 'STOPPED'}")
    for line in status_lines(report):
        print(line)
    for finding in watcher["findings"]:
        print(f"  DIFFERS    {finding['key']}: {finding['found']} instead of {finding['expected']}")
    for layer in report["layers"]:
        print(f"  {layer['state']:<10} {layer['name']:<38} {layer['detail']}")
    for container in report["containers"]:
        print(f"  {container['state']:<10} {container['name']:<32} {container['label']}")
    print(f"resident memory {report['resident_bytes'] / 2**20:.0f} MiB")
    print_assessment(vulnerabilities, every=findings)


@app.command()
def verify(root: Root = ROOT, run: Run = RUN, as_json: Json = False) -> None:
    """Compare everything that is in force on this host with what was admitted; exit 1 when something differs.

    Reports each control of the hardening too, with those that the officers left out and why.

    Example: appliance host verify --json
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.enforce import hardening
    from appliance.host.enforce.podman import Podman
    from appliance.host.watching.reconciler import look
    from appliance.monitor.in_force.statements import installed_statements

    paths = HostPaths(root.resolve(), run)
    _installed(paths)
    site = installed_statements(paths).site
    controls = hardening.installed(paths, site.hardening_exceptions)
    findings = sorted([*look(paths, Podman(paths), site).findings, *hardening.findings(controls)])
    if as_json:
        report: dict[str, Any] = {"result": "FAILED" if findings else "PASSED"}
        report |= {"findings": [f.as_dict() for f in findings], "controls": [c.as_dict() for c in controls]}
        print_json(report)
    else:
        for control in controls:
            print(f"{control.state.value:<9} {control.control.id:<24} {control.control.title} {control.justification}")
        for finding in findings:
            print(
                f"{finding.key}\n  expected {finding.expected}\n  found    {finding.found}\n  reason   {finding.reason}"
            )
        print(f"{len(findings)} findings" if findings else "everything is as it was admitted")
    if findings:
        raise typer.Exit(1)


@app.command()
def recover(root: Root = ROOT, run: Run = RUN, as_json: Json = False) -> None:
    """Bring what runs back to the current generation, whatever the state: after a crash, a kill, or at boot.

    A generation that never became healthy is given up for the one before it; the exit status is then 1.

    Example: appliance host recover
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change.converge import alone
    from appliance.host.change.converge import recover as run_recover

    paths = HostPaths(root.resolve(), run)
    _installed(paths)
    with alone(paths):
        changed = run_recover(paths, progress_printer(quiet=as_json))
    print_json({"changed": changed}) if as_json else print("changed" if changed else "nothing to do")


@app.command()
def watch(
    what: Annotated[What, typer.Argument(metavar="WATCH", help="What to look at.")],
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Say what needs a person: room for the log, the officers' review, the anchor, what expires; as the timers do.

    Lines begin with the journal's level for warnings when it is the journal that reads them.

    Example: appliance host watch storage
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.watching.watch import Watch, reminder

    paths = HostPaths(root.resolve(), run)
    _installed(paths)
    found = reminder(paths, Watch(what))
    if as_json:
        print_json({"watch": what.value, "reminder": asdict(found) if found else None})
        return
    level = "<4>" if "JOURNAL_STREAM" in os.environ else ""
    if found:
        print(f"{level}{found.text} | rule: {found.rule} | remedy: {found.remedy}")
    elif not level:
        print(f"{what.value}: nothing to do")


@app.command()
def rollback(
    root: Root = ROOT,
    run: Run = RUN,
    restore_data: Annotated[
        bool, typer.Option("--restore-data", help="Also put back the data as that generation left them.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    r"""Run the generation before the current one again: its images, its site, its software.

    The log, the registries and the versions of the metadata stay as they are; so do the data, unless --restore-data.

    Example: appliance host rollback --restore-data --dry-run
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change.converge import exclusive
    from appliance.host.change.rollback import plan, roll_back

    paths = HostPaths(root.resolve(), run)
    _installed(paths)
    if dry_run:
        decided = plan(paths, restore_data=restore_data)
    else:
        with exclusive(paths):
            decided = roll_back(paths, restore_data=restore_data, progress=progress_printer(quiet=as_json))
    if as_json:
        print_json(asdict(decided) | {"dry_run": dry_run})
        return
    verb = "would return" if dry_run else "returned"
    print(f"{verb} from generation {decided.leaves} to {decided.returns_to} (bundle {decided.bundle})")
    print(f"  images that differ: {', '.join(decided.images) or 'none'}")
    for volume in decided.volumes:
        print(f"  data restored, the present ones set aside: {volume}")


@app.command()
def remove(
    root: Annotated[
        Path, inputs.folder_option("Folder in which the appliance keeps its state.", check=contents.is_state)
    ] = ROOT,
    run: Run = RUN,
    keep_state: Annotated[
        bool, typer.Option("--keep-state", help="Stop everything but keep data, log and images.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop and remove every container, network, mount, hook and process of the appliance.

    Without --keep-state the log and all data are deleted as well: export evidence first (appliance audit export).

    Example: appliance host remove --keep-state
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.change.remove import remove as run_remove

    run_remove(HostPaths(root.resolve(), run), keep_state=keep_state, progress=progress_printer(quiet=as_json))
    if as_json:
        print_json({"removed": True})


def _installed(paths: "HostPaths") -> None:
    contents.is_root(paths.root, ROOT_IS)
    if shutil.which("podman") is None:
        raise ApplianceError(
            "podman is not installed on this host, or not on PATH",
            rule="what is installed runs in podman's containers, and is looked at through podman",
            remedy="install the packages of the bundle again: appliance host install --help",
        )
