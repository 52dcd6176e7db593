"""Verify a pack on any machine: its bytes, its signature, its proofs, its documents, and that nothing is left out."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from appliance import __version__
from appliance.audit.events.marked import joined
from appliance.audit.log.policy import Policy
from appliance.errors import ApplianceError
from appliance.host.report.evidence import proofs
from appliance.host.report.evidence.archive import KIND, MANIFEST, SIGNED, Manifest, sha256, unpack
from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.controls import State, Table
from appliance.host.report.evidence.derived import documents, inputs_of, is_derived
from appliance.host.report.evidence.oscal import schema
from appliance.host.report.evidence.oscal.common import FOLDER
from appliance.trust import canonical, dsse
from appliance.trust.keys import PublicKey


class PackReport(BaseModel):
    """What a verification found.

    Attributes:
        site: name of the site, once the host's signature holds.
        marking: banner of the pack.
        time: when the host was looked at.
        files: how many files are in it.
        states: how many controls stand how.
        notes: what could not be checked.
        findings: what is wrong, naming the file.
    """

    site: str = ""
    marking: str = ""
    time: str = ""
    files: int = 0
    states: dict[State, int] = {}
    notes: list[str] = []
    findings: list[str] = []


def verify(path: Path, key: PublicKey, policy: Policy) -> PackReport:
    """Verify the pack in ``path``.

    Args:
        path: the archive.
        key: the host's public key, carried by another way.
        policy: the log's key and whose cosignatures count.

    Raises:
        ApplianceError: it is no archive at all.
    """
    report = PackReport()
    files, broken = unpack(path)
    report.files, report.findings = len(files), list(broken)
    report.findings += _signed(files, key, report)
    try:
        table, seen = inputs_of(files)
    except ApplianceError as error:
        report.findings.append(error.message)
        return report
    report.states = seen.counts(table)
    report.findings += _complete(table, seen)
    report.findings += proofs.findings(files, policy, report.notes)
    report.findings += _documents(files, table, seen, report)
    return report


def _signed(files: Mapping[str, bytes], key: PublicKey, report: PackReport) -> Iterator[str]:
    """The host's signature over the list, and the list over the files."""
    for name in (MANIFEST, SIGNED):
        if name not in files:
            yield f"{name}: is missing"
            return
    try:
        verified = dsse.verify(files[SIGNED], KIND, {"host": key}, 1, SIGNED)
        manifest = Manifest.model_validate(verified.value)
    except (ApplianceError, ValidationError) as error:
        yield getattr(error, "message", None) or f"{SIGNED}: {error}"
        return
    if verified.payload != files[MANIFEST]:
        yield f"{MANIFEST}: is not what the host signed"
    report.site, report.marking, report.time = manifest.site, manifest.marking, manifest.time
    listed = {entry.path: entry for entry in manifest.files}
    for name in sorted(set(files) - set(listed) - {MANIFEST, SIGNED}):
        yield f"{name}: the host did not sign it"
    for name, entry in sorted(listed.items()):
        if name not in files:
            yield f"{name}: is missing"
        elif sha256(files[name]) != entry.sha256:
            yield f"{name}: is not what the host signed"
    if joined(entry.label for entry in manifest.files).encode() != manifest.label:
        yield f"{MANIFEST}: the marking is not the join of the files' labels"


def _complete(table: Table, seen: Assessment) -> Iterator[str]:
    """Every check of the controls was made, or it is said that it was not; and no other."""
    made = [outcome.check for outcome in seen.outcomes]
    for name in sorted(set(table.checks) - set(made)):
        asked = ", ".join(control.id for control in table.controls if name in control.checks)
        yield f"assessment.json: says nothing of the check {name!r}, which {asked} rest on"
    for name in sorted({one for one in made if one not in table.checks or made.count(one) > 1}):
        yield f"assessment.json: the check {name!r} is of no control, or stands twice"


def _documents(files: Mapping[str, bytes], table: Table, seen: Assessment, report: PackReport) -> Iterator[str]:
    """The documents keep their schema, their references lead somewhere, and they follow from what was found."""
    parsed: dict[str, Any] = {}
    for name in sorted(files):
        if name.startswith(f"{FOLDER}/"):
            try:
                canonical.decode(files[name], name)  # nothing in it stands twice
                parsed[name] = json.loads(files[name])
            except (ApplianceError, ValueError) as error:
                yield f"{name}: {getattr(error, 'message', None) or error}"
                continue
            if why := schema.problem(parsed[name]):
                yield f"{name}: {why}"
    yield from schema.repeated(parsed)
    yield from schema.dangling(parsed, set(files))
    if seen.version != __version__:
        report.notes.append(
            f"the documents were made by version {seen.version} and are not made again by {__version__}"
        )
        return
    own = {name: data for name, data in files.items() if name not in (MANIFEST, SIGNED) and not is_derived(name)}
    try:
        made = documents(own, table, seen)
    except (ApplianceError, ValueError, KeyError) as error:
        yield f"the documents cannot be made again: {getattr(error, 'message', None) or error}"
        return
    for name, data in sorted(made.items()):
        if name in files and files[name] != data:
            yield f"{name}: does not follow from what was found"
    for name in sorted({one for one in files if is_derived(one)} ^ set(made)):
        yield f"{name}: {'is missing' if name in made else 'follows from nothing in the pack'}"
