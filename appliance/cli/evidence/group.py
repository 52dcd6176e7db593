"""`appliance evidence`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.audit.officers import LogKey, read_key, read_policy
from appliance.cli.shared import inputs
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import ROOT, RUN, Json, Root, Run, print_json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.enclave.paths import HostPaths
    from appliance.host.report.evidence.controls import State

app = Commands("evidence")


@app.callback()
def evidence() -> None:
    """Pack what an accreditor asks for into one archive, and verify one."""


@app.command()
def pack(
    out: Annotated[Path, inputs.new_file_option("Archive to write.", "--out", "-o")],
    key: LogKey,
    *,
    profile: Annotated[Path | None, inputs.file_option("The site's own OSCAL profile, JSON.")] = None,
    benchmark: Annotated[Path | None, inputs.file_option("The site's own benchmark, XCCDF: adds a checklist.")] = None,
    rebuilt: Annotated[Path | None, inputs.file_option("Output of `appliance bundle rebuild --json`.")] = None,
    include: Annotated[list[Path] | None, inputs.file_option("A file of the site, kept under site/; repeat.")] = None,
    officer: Annotated[str, inputs.word_option("NAME", "Who packs; recorded before the archive is written.")] = "root",
    root: Root = ROOT,
    run: Run = RUN,
    as_json: Json = False,
) -> None:
    """Ask this host about every control of policies/controls.yml, and write what it showed as one signed archive.

    A stranger's request is made on the way, and refused, which leaves a record. The pack is marked with the join of all
    that is in it.

    Example: appliance evidence pack --key log.vkey --out pack.zip --officer isso
    """
    from datetime import UTC, datetime

    from appliance.cli.audit.officers import record
    from appliance.enclave.paths import HostPaths
    from appliance.host.report.evidence.archive import sha256
    from appliance.host.report.evidence.build import ACTIVITY, build
    from appliance.host.report.evidence.checks.looking import Host
    from appliance.host.report.evidence.derived import BENCHMARK, PROFILE, SITE
    from appliance.trust.files import replace_file

    paths = HostPaths(root.resolve(), run)
    given = _table(paths)
    for name, file in ((PROFILE, profile), (BENCHMARK, benchmark), *((f"{SITE}{f.name}", f) for f in include or [])):
        if file is not None:
            if name in given:
                raise ApplianceError(f"{file}: two files would be called {name}", remedy="give it another name")
            given[name] = file.read_bytes()
    now = datetime.now(UTC).replace(microsecond=0)
    host = Host(paths, read_key(key), now, _rebuilt(rebuilt) if rebuilt else None)
    data, seen, table = build(host, given)
    detail = {"file": out.name, "bytes": len(data), "digest": f"sha256:{sha256(data)}"}
    record(root / "spool", seen.label, officer, ACTIVITY, detail)
    replace_file(out, data)
    if as_json:
        print_json(detail | {"marking": seen.marking, "states": seen.counts(table)})
    else:
        print(f"{out}: {seen.marking}, {len(data)} bytes, SHA-256 {sha256(data)}")
        print(_counted(seen.counts(table)))


@app.command()
def verify(
    archive: Annotated[Path, inputs.file_argument("Archive made by `appliance evidence pack`.", metavar="PACK")],
    key: Annotated[Path, inputs.file_option("The host's public key in PEM, carried by another way.", "--key")],
    policy: Annotated[Path, inputs.file_option("The log's key, and whose cosignatures count.", "--policy")],
    as_json: Json = False,
) -> None:
    """Verify a pack on any machine: bytes, signature, proofs, schemas, references, and that nothing was left out.

    Exit status: 0 everything holds, 1 something does not and is named.

    Example: appliance evidence verify pack.zip --key host.pub --policy officers.policy
    """
    from appliance.host.report.evidence.verify import verify as verify_pack
    from appliance.trust.keys import load_public_key

    report = verify_pack(archive, load_public_key(key), read_policy(policy))
    if as_json:
        print(report.model_dump_json())
    else:
        for text in (*report.findings, *report.notes):
            print(f"{archive}: {text}")
        whole = f"{len(report.findings)} findings" if report.findings else "whole"
        print(f"{archive}: {whole}; {report.files} files of {report.site or 'nobody knows where'}, {report.marking}")
        print(_counted(report.states))
    if report.findings:
        raise typer.Exit(1)


def _table(paths: "HostPaths") -> dict[str, bytes]:
    """The table of controls, as the bundle that runs carries it."""
    from appliance.host.report.evidence.controls import FILE
    from appliance.host.state import generation
    from appliance.host.state.generation import Facts
    from appliance.trust.files import read_limited

    file = paths.root / "bundle" / Facts.of(generation.required(paths)).bundle / "targets" / FILE
    if not file.is_file():
        raise ApplianceError(
            f"{file}: is not there",
            rule="a pack speaks of the controls that the bundle that runs speaks of",
            remedy="install a bundle of this release",
        )
    return {FILE: read_limited(file, 1 << 20)}


def _rebuilt(file: Path) -> list[dict[str, Any]]:
    """What a rebuilding said."""
    from appliance.trust import canonical

    value = canonical.decode(file.read_bytes(), str(file))
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ApplianceError(
            f"{file}: is {canonical.described(value)}",
            rule="--rebuilt takes what `appliance bundle rebuild --json` printed",
            remedy="give that file",
        )
    return value


def _counted(states: "Mapping[State, int]") -> str:
    return "controls: " + ", ".join(f"{number} {state}" for state, number in states.items())
