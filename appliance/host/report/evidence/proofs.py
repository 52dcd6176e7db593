"""The proofs of a pack: its checkpoint, those that officers cosigned, and its records are of one log."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.audit.log.merkle import verify_consistency
from appliance.audit.log.note import Checkpoint, Note, open_checkpoint
from appliance.audit.log.policy import NO_QUORUM, Policy
from appliance.audit.log.witness import CosigningRequest
from appliance.audit.review import evidence
from appliance.errors import ApplianceError

CASES, COSIGNED, GROWN = "evidence/records/", "evidence/log/cosigned/", "evidence/log/grown/"
CHECKPOINT = "evidence/log/checkpoint"


def findings(files: Mapping[str, bytes], policy: Policy, notes: list[str]) -> Iterator[str]:
    """What does not hold; ``notes`` receives how far the officers cosigned.

    Args:
        files: the files of the pack.
        policy: the log's key and whose cosignatures count, carried by another way.
        notes: what a reader should know and is no damage.
    """
    try:
        newest = _opened(files, CHECKPOINT, policy)
    except ApplianceError as error:
        yield f"{CHECKPOINT}: {error.message}"
        return
    cosigned = 0
    for name in sorted(files):
        if name.startswith(COSIGNED):
            why, size = _cosigned(files, name, policy, newest)
            cosigned = max(cosigned, size)
            if why:
                yield f"{name}: {why}"
        elif name.startswith(GROWN) and f"{COSIGNED}{name.removeprefix(GROWN)}" not in files:
            yield f"{name}: belongs to no cosigned checkpoint"
    notes.append(f"the officers' quorum cosigned {cosigned} of the {newest.size} records")
    yield from _cases(files, policy)


def _opened(files: Mapping[str, bytes], name: str, policy: Policy) -> Checkpoint:
    if name not in files:
        raise ApplianceError("is missing")
    origin = Checkpoint.decode(Note.decode(files[name]).text).origin
    key = next((key for key in policy.logs if key.name == origin), None)
    if key is None:
        raise ApplianceError(f"is of the log {origin}, which the policy does not name")
    return open_checkpoint(files[name], key)


def _cosigned(files: Mapping[str, bytes], name: str, policy: Policy, newest: Checkpoint) -> tuple[str, int]:
    """What is wrong with a cosigned checkpoint, and over how many records the quorum cosigned it."""
    try:
        old = _opened(files, name, policy)
        grown = f"{GROWN}{name.removeprefix(COSIGNED)}"
        asked = CosigningRequest.decode(files.get(grown, b""))
    except ApplianceError as error:
        return error.message, 0
    if asked.checkpoint != files[CHECKPOINT] or asked.old != old.size or name != f"{COSIGNED}{old.size}":
        return "its proof is of another checkpoint", 0
    if not verify_consistency(old.size, old.root, newest.size, newest.root, asked.proof):
        return "the log of the pack is not the one that was cosigned", 0
    try:
        policy.require(files[name])
    except ApplianceError:
        return "", 0  # some officer's, and not yet the quorum's
    return "", old.size


def _cases(files: Mapping[str, bytes], policy: Policy) -> Iterator[str]:
    """Each archive of records holds, under the pack's own checkpoint."""
    alone = Policy(logs=policy.logs, quorum=NO_QUORUM)
    with TemporaryDirectory(prefix="appliance-evidence-") as folder:
        for name in sorted(files):
            if name.startswith(CASES):
                file = Path(folder) / "case.zip"
                file.write_bytes(files[name])
                yield from (f"{name}: {text}" for text in _case(file, files, alone))


def _case(file: Path, files: Mapping[str, bytes], policy: Policy) -> list[str]:
    try:
        found = evidence.check(file, policy).findings
    except ApplianceError as error:
        return [error.message.replace(str(file), "the archive")]
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as packed:
        if not found and packed.read("checkpoint") != files[CHECKPOINT]:
            return ["is proven under another checkpoint"]
    return found
