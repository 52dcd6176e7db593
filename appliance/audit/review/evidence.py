"""Evidence: one archive that shows to someone without this host what the log recorded.

A ZIP file with ``checkpoint`` (the signed note with its cosignatures), ``records.jsonl`` (the records as the log has
them), ``proof.json`` (their entries, and the hashes that lead from them to the checkpoint's root), ``selection.json``
(what was asked for), ``policies/<sha256>`` (files whose digests the events name), and ``index.html`` (the same for a
browser, offline). Every byte is bound: records by the root, policies by their digest, the page by being made again.
"""

import hashlib
import io
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance import __version__
from appliance.audit.events import ocsf
from appliance.audit.events.marked import colours, joined, marking_text
from appliance.audit.log.bodies import Record
from appliance.audit.log.merkle import Subtree, leaf_hash, node_hash, split
from appliance.audit.log.note import Checkpoint, Note
from appliance.audit.log.policy import Policy
from appliance.audit.log.tiles import LogError, TileReader
from appliance.audit.review.query import Filter
from appliance.errors import ApplianceError
from appliance.markings import Label
from appliance.trust import canonical

MAXIMUM_FILE = 4 << 30
_FILES = ("checkpoint", "records.jsonl", "proof.json", "selection.json", "index.html")
_RULE = "appliance.audit.review.evidence, form of the archive"


class Selection(BaseModel):
    """What was asked for. The archive is complete for its stretch of the log only if ``wanted`` admits everything.

    Attributes:
        wanted: the filter.
        first: first record of the stretch.
        end: record behind the last one of the stretch.
        version: version of the appliance that made the archive and its page.
    """

    model_config = ConfigDict(extra="forbid")

    wanted: Filter
    first: int
    end: int
    version: str = __version__


class Proof(BaseModel):
    """That entries stand in the log: their indices, the entries (hexadecimal), and the hashes beside them."""

    model_config = ConfigDict(extra="forbid")

    indices: list[int]
    entries: list[str]
    hashes: list[str]


class EvidenceReport(BaseModel):
    """What a verification of an archive found.

    Attributes:
        origin: the log's name.
        size: records under the checkpoint.
        cosigned: who cosigned it, and when (seconds since the epoch).
        records: how many records are proven.
        complete: whether they are all records of their stretch of the log.
        selection: what was asked for.
        policies: digests of the policies that are included and that an event names.
        notes: what could not be checked.
        findings: what is wrong, naming the record or file.
    """

    origin: str = ""
    size: int = 0
    cosigned: dict[str, int] = {}
    records: int = 0
    complete: bool = False
    selection: Selection | None = None
    policies: list[str] = []
    notes: list[str] = []
    findings: list[str] = []


def archive(
    log: Path, checkpoint: bytes, records: Sequence[Record], selection: Selection, policies: Sequence[bytes] = ()
) -> bytes:
    """An archive with ``records`` (in the order of the log), proven under ``checkpoint``.

    Args:
        log: the log's folder.
        checkpoint: the signed note, with cosignatures if it has any.
        records: what the archive is about.
        selection: how they were chosen; every record must fit it.
        policies: contents of policies that the events name by digest.

    Raises:
        LogError: a tile is damaged, or a record is not under the checkpoint.
    """
    size = Checkpoint.decode(Note.decode(checkpoint).text).size
    indices = [record.index for record in records]
    if indices and indices[-1] >= size:
        raise LogError(f"record {indices[-1]} is not under the checkpoint over {size} records")
    hashes = [hash_.hex() for hash_ in _beside(TileReader(log, size).subtree, indices, 0, size)] if size else []
    proof = Proof(indices=indices, entries=[record.entry.hex() for record in records], hashes=hashes)
    files = {
        "checkpoint": checkpoint,
        "records.jsonl": b"".join(record.line() for record in records),
        "proof.json": proof.model_dump_json().encode(),
        "selection.json": selection.model_dump_json().encode(),
    }
    for data in policies:
        files[f"policies/{hashlib.sha256(data).hexdigest()}"] = data
    files["index.html"] = page(checkpoint, records, selection, sorted(files))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def check(evidence: Path, policy: Policy) -> EvidenceReport:
    """Verify an archive with nothing but the policy and its keys.

    Raises:
        LogError: the file is not an archive of evidence.
    """
    report = EvidenceReport()
    files = _read(evidence)
    try:
        signed = policy.require(files["checkpoint"])
        for name in ("proof.json", "selection.json"):
            canonical.decode(files[name], name)  # nothing in it stands twice: every reader sees the same
        proof = Proof.model_validate_json(files["proof.json"])
        report.selection = Selection.model_validate_json(files["selection.json"])
    except (ApplianceError, ValidationError) as error:
        report.findings.append(str(error))
        return report
    report.origin, report.size = signed.checkpoint.origin, signed.checkpoint.size
    report.cosigned = signed.cosigned
    if not _leads_to(proof, signed.checkpoint):
        report.findings.append("proof.json: the entries do not lead to the root of the checkpoint")
    records = _check_records(files["records.jsonl"], proof, report)
    report.records = len(records)
    _check_selection(records, report)
    _check_policies(files, records, report)
    if report.selection.version != __version__:
        report.notes.append(f"index.html was made by version {report.selection.version} and is not compared")
    elif not report.findings and files["index.html"] != page(
        files["checkpoint"], records, report.selection, sorted(set(files) - {"index.html"})
    ):
        report.findings.append("index.html: not the page of these records")
    return report


def proven(evidence: Path, policy: Policy) -> list[Record]:
    """The records of an archive, once all of it holds.

    Raises:
        LogError: something of it does not; the message is the first finding.
    """
    report = check(evidence, policy)
    if report.findings:
        raise LogError(f"{evidence}: {report.findings[0]}", rule=_RULE, remedy="name an archive that holds")
    lines = _read(evidence)["records.jsonl"].splitlines(keepends=True)
    return [Record.decode(line) for line in lines]


def page(checkpoint: bytes, records: Sequence[Record], selection: Selection, files: Sequence[str]) -> bytes:
    """The page of an archive: the same records for a browser without a network."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only evidence needs it

    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    label = joined(record.label for record in records)
    background, colour = colours(label)
    rows = [(record, ocsf.read(record.body)) for record in records]
    return (
        environment.get_template("evidence.html")
        .render(
            checkpoint=Checkpoint.decode(Note.decode(checkpoint).text),
            note=checkpoint.decode(),
            marking=marking_text(label),
            background=background,
            colour=colour,
            rows=rows,
            selection=selection,
            wanted={name: value for name, value in selection.wanted.model_dump().items() if value is not None},
            files=files,
            shown=lambda encoded: marking_text(Label.decode(encoded)),
            moment=lambda time: f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M:%S}",
        )
        .encode()
    )


def _beside(subtree: Subtree, indices: Sequence[int], low: int, high: int) -> Iterator[bytes]:
    """Roots of the largest subtrees without any of ``indices``, from the left."""
    at = bisect_left(indices, low)
    if at == len(indices) or indices[at] >= high:
        yield subtree(low, high)
    elif high - low > 1:
        middle = low + split(high - low)
        yield from _beside(subtree, indices, low, middle)
        yield from _beside(subtree, indices, middle, high)


def _leads_to(proof: Proof, checkpoint: Checkpoint) -> bool:
    """Whether entries and hashes make the checkpoint's root, each of them used exactly once."""
    indices, size = proof.indices, checkpoint.size
    ordered = all(a < b for a, b in zip([-1, *indices], [*indices, size], strict=True))
    if not ordered or len(proof.entries) != len(indices) or not size:
        return False
    try:
        leaves = iter([leaf_hash(bytes.fromhex(entry)) for entry in proof.entries])
        hashes = iter([bytes.fromhex(hash_) for hash_ in proof.hashes])
        root = _root(indices, leaves, hashes, 0, size)
    except (ValueError, StopIteration):
        return False
    return root == checkpoint.root and next(hashes, None) is None


def _root(indices: Sequence[int], leaves: Iterator[bytes], hashes: Iterator[bytes], low: int, high: int) -> bytes:
    at = bisect_left(indices, low)
    if at == len(indices) or indices[at] >= high:
        return next(hashes)
    if high - low == 1:
        return next(leaves)
    middle = low + split(high - low)
    left = _root(indices, leaves, hashes, low, middle)
    return node_hash(left, _root(indices, leaves, hashes, middle, high))


def _read(evidence: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(evidence) as packed:
            names = packed.namelist()
            known = [name for name in names if name in _FILES or name.startswith("policies/")]
            if len(set(names)) != len(names) or known != names or not set(_FILES) <= set(names):
                raise LogError(
                    f"{evidence} has missing, unknown or repeated files",
                    rule=_RULE,
                    remedy="name the archive that `appliance audit export` wrote, or carry it again",
                )
            if sum(entry.file_size for entry in packed.infolist()) > MAXIMUM_FILE:
                raise LogError(
                    f"{evidence} is larger than {MAXIMUM_FILE} bytes",
                    rule=_RULE,
                    remedy="name the archive that `appliance audit export` wrote",
                )
            return {name: packed.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise LogError(
            f"{evidence} is not an archive of evidence: {error}",
            rule=_RULE,
            remedy="name the archive that `appliance audit export` wrote",
        ) from error


def _check_records(data: bytes, proof: Proof, report: EvidenceReport) -> list[Record]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines = lines[:-1] if data.endswith(b"\n") or not data else lines
    records = []
    for place, line in enumerate(lines):
        index = proof.indices[place] if place < len(proof.indices) else None
        try:
            record = Record.decode(line)
            ocsf.read(record.body)
        except ApplianceError as error:
            report.findings.append(f"record {index}: {error.message}")
            continue
        if record.index != index or record.entry.hex() != proof.entries[place]:
            report.findings.append(f"record {record.index}: not what the log committed to")
        records.append(record)
    if len(lines) != len(proof.indices):
        report.findings.append(f"records.jsonl: {len(lines)} records, {len(proof.indices)} are proven")
    return records


def _check_selection(records: list[Record], report: EvidenceReport) -> None:
    selection = report.selection
    if selection is None:
        return
    for record in records:
        event = ocsf.read(record.body)
        if not selection.first <= record.index < selection.end or not selection.wanted.admits(event, record.body):
            report.findings.append(f"record {record.index}: is not what selection.json says was asked for")
    everything = selection.wanted == Filter()
    whole = [record.index for record in records] == list(range(selection.first, selection.end))
    if everything and not whole:
        report.findings.append("records.jsonl: records of the stretch are missing")
    report.complete = everything and whole


def _check_policies(files: dict[str, bytes], records: list[Record], report: EvidenceReport) -> None:
    named = {policy.uid.removeprefix("sha256:") for record in records if (policy := ocsf.read(record.body).policy)}
    for name, data in files.items():
        if name.startswith("policies/"):
            digest = hashlib.sha256(data).hexdigest()
            if name != f"policies/{digest}":
                report.findings.append(f"{name}: its digest is {digest}")
            elif digest in named:
                report.policies.append(digest)
            else:
                report.findings.append(f"{name}: no event names this policy")
