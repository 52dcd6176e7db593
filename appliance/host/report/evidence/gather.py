"""The evidence of a pack: what lies on the host and what its checks saw, each file with the label of what is in it."""

from collections.abc import Iterator
from typing import Any

from appliance.audit.events.marked import joined
from appliance.audit.log import policy
from appliance.audit.log.bodies import Record
from appliance.audit.log.merkle import consistency_proof
from appliance.audit.log.note import Checkpoint, Note
from appliance.audit.log.tiles import TileReader
from appliance.audit.log.witness import COSIGNED, CosigningRequest, cosigned_sizes
from appliance.audit.review.evidence import Selection, archive
from appliance.audit.review.query import Filter, select
from appliance.bundle.advisories import vex
from appliance.bundle.evidence.labels import label_of
from appliance.errors import ApplianceError
from appliance.host.enforce.platform import detect
from appliance.host.report.evidence.archive import File
from appliance.host.report.evidence.checks.looking import Host
from appliance.host.report.evidence.checks.probe import Refused
from appliance.host.report.evidence.derived import encode
from appliance.host.report.status import carried, unfinished
from appliance.host.report.vulnerabilities import installed_vulnerabilities

REVIEWED = "review.finish"
KINDS = ("site", "subjects", "access")
ATTESTED = (".sbom.dsse.json", ".provenance.dsse.json")


def gather(host: Host) -> dict[str, File]:
    """Everything under ``evidence/``. What cannot be read is said in its file, and hides nothing else."""
    high = host.statements.site.system_high.marking.label.encode()
    found = {
        "verify.json": lambda: _verified(host),
        "status.json": lambda: _status(host),
        "fsck.json": lambda: host.log.model_dump(mode="json"),
        "calendar.json": lambda: host.calendar.model_dump(mode="json"),
        "vulnerabilities.json": lambda: installed_vulnerabilities(host.paths).model_dump(mode="json"),
        "log/anchors.json": lambda: host.state.model_dump(mode="json"),
    }
    files = {name: File(encode(_said(make)), high) for name, make in found.items()}
    if host.rebuilt is not None:
        files["rebuilt.json"] = File(encode(host.rebuilt), high)
    for source in (_log, _statements, _models):
        files |= {name: File(data, high) for name, data in source(host)}
    files |= dict(_bundle(host))
    files |= dict(_records(host))
    return {f"evidence/{name}": file for name, file in files.items()}


def _said(make: Any) -> Any:
    try:
        return make()
    except (ApplianceError, OSError, ValueError) as error:
        return {"unknown": getattr(error, "message", None) or str(error)}


def _verified(host: Host) -> dict[str, Any]:
    """What ``appliance host verify --json`` would say."""
    found = [one.as_dict() for one in sorted(host.looked.findings)]
    return {"findings": found, "controls": [one.as_dict() for one in host.settings]}


def _status(host: Host) -> dict[str, Any]:
    """How the host stands, without what changes from second to second."""
    platform = detect()
    return {
        "bundle": vars(carried(host.paths, host.facts)),
        "images": dict(sorted(host.facts.images.identifiers.items())),
        "models": dict(sorted(host.facts.models.items())),
        "unfinished": unfinished(host.paths),
        "log": host.state.model_dump(mode="json"),
        "layers": [layer.as_dict() for layer in host.layers.values()],
        "platform": {"cgroups": platform.cgroups, "runtime": platform.runtime, "systemd": platform.systemd},
    }


def _log(host: Host) -> Iterator[tuple[str, bytes]]:
    yield "log/checkpoint", host.note
    yield "log/log.vkey", host.log_key.encode().encode() + b"\n"
    if (host.log_folder / policy.FILE).is_file():
        yield "log/policy", (host.log_folder / policy.FILE).read_bytes()
    under = Checkpoint.decode(Note.decode(host.note).text).size
    for size in (one for one in cosigned_sizes(host.log_folder) if one <= under):
        proof = consistency_proof(TileReader(host.log_folder, under).subtree, size, under)
        yield f"log/cosigned/{size}", (host.log_folder / COSIGNED / str(size)).read_bytes()
        yield f"log/grown/{size}", CosigningRequest(size, proof, host.note).encode()


def _statements(host: Host) -> Iterator[tuple[str, bytes]]:
    site, registries = host.paths.root / "current" / "site", host.paths.registries / "current"
    for kind in KINDS:
        file = (site if kind == "site" else registries) / f"{kind}.dsse.json"
        yield f"statements/{file.name}", file.read_bytes()
    yield "statements/officers.json", (site / "officers.json").read_bytes()
    yield "statements/ca.pem", (site / "certificates" / "ca.pem").read_bytes()


def _models(host: Host) -> Iterator[tuple[str, bytes]]:
    for enclave in host.statements.site.enclaves:
        for file in sorted(host.paths.volume(enclave.name, "models").glob("*.certificate.dsse.json")):
            yield f"models/{enclave.name}/{file.name}", file.read_bytes()


def _bundle(host: Host) -> Iterator[tuple[str, File]]:
    """The summary of its verification, its first root, and the attestations and statements of what runs."""
    high = host.statements.site.system_high.marking.label.encode()
    if host.summary:
        yield "bundle/vsa.dsse.json", File(host.summary.data, high)
    yield "bundle/1.root.json", File((host.bundle / "metadata" / "1.root.json").read_bytes(), high)
    for path, target in sorted(host.repository.targets.items()):
        file = host.bundle / "targets" / path
        if (path.endswith(ATTESTED) or path.startswith(vex.FOLDER)) and file.is_file():
            yield f"bundle/{file.name}", File(file.read_bytes(), label_of(target.custom.label, path).encode())


def _records(host: Host) -> Iterator[tuple[str, File]]:
    """The refusal of the stranger, and the reviews, each with its proof under the signed checkpoint."""
    size = Checkpoint.decode(Note.decode(host.note).text).size
    refused = _said(lambda: host.refused)
    if isinstance(refused, Refused) and refused.record and refused.record.index < size:
        yield "records/refusal.zip", _case(host, [refused.record], Filter(text=refused.reference), size)
    wanted = Filter(activity=REVIEWED)
    reviews = [record for record, _ in select(host.log_folder, wanted) if record.index < size]
    if reviews:
        yield "records/reviews.zip", _case(host, reviews, wanted, size)


def _case(host: Host, records: list[Record], wanted: Filter, size: int) -> File:
    data = archive(host.log_folder, host.note, records, Selection(wanted=wanted, first=0, end=size))
    return File(data, joined(record.label for record in records).encode())
