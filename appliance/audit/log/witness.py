"""Officers as witnesses: they cosign a checkpoint only if the log has merely grown since they last did.

Three steps on two machines. On the host ``request`` writes checkpoint and consistency proof in the form of C2SP
tlog-witness; on the officer's own machine ``cosign`` verifies it against what that officer saw last, and signs; on the
host ``accept`` keeps the cosignature beside the log, in ``cosigned/<size>``. The officer's key never touches the host.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.log.merkle import EMPTY, consistency_proof, verify_consistency
from appliance.audit.log.note import COSIGNATURE, Checkpoint, Note, NoteError, Signer, Verifier, open_checkpoint
from appliance.audit.log.tiles import CHECKPOINT, TileReader
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

COSIGNED = "cosigned"
RULE = "C2SP tlog-witness"
MAXIMUM_PROOF = 63


class WitnessError(ApplianceError):
    """The log is not what the witness saw before, or the request is malformed."""


@dataclass(frozen=True)
class CosigningRequest:
    """What a witness is asked to cosign: the size it saw last, the proof from there, and the checkpoint."""

    old: int
    proof: list[bytes]
    checkpoint: bytes

    def encode(self) -> bytes:
        """The request as a witness takes it."""
        lines = [f"old {self.old}", *(base64.b64encode(hash_).decode() for hash_ in self.proof), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def decode(cls, data: bytes) -> "CosigningRequest":
        """Read a request.

        Raises:
            WitnessError: it has another form.
        """
        head, separator, checkpoint = data.partition(b"\n\n")
        first, *hashes = head.decode(errors="replace").split("\n")
        match = re.fullmatch(r"old (0|[1-9][0-9]{0,18})", first)
        try:
            proof = [base64.b64decode(line, validate=True) for line in hashes]
        except binascii.Error:
            match = None
        if not separator or match is None or len(proof) > MAXIMUM_PROOF or any(len(hash_) != 32 for hash_ in proof):
            raise WitnessError("the file is not a request to a witness", rule=RULE)
        return cls(int(match[1]), proof, checkpoint)


def request(log: Path, verifier: Verifier, old: int) -> CosigningRequest:
    """Checkpoint of the log in ``log`` and the proof that it only grew since it had ``old`` records.

    Raises:
        WitnessError: the log is shorter than ``old``.
        ApplianceError: the checkpoint or a tile is damaged.
    """
    data = (log / CHECKPOINT).read_bytes()
    checkpoint = open_checkpoint(data, verifier)
    if old > checkpoint.size:
        raise WitnessError(
            f"the log has {checkpoint.size} records, the witness saw {old}",
            rule="a log only grows",
            remedy="if --old is what the officer's memory says, records were removed: compare with an anchor",
        )
    proof = consistency_proof(TileReader(log, checkpoint.size).subtree, old, checkpoint.size)
    return CosigningRequest(old, proof, data)


def cosign(asked: CosigningRequest, log_key: Verifier, signer: Signer, state: Path, now: int) -> Note:
    """Verify a request against what this witness saw last, remember it, and cosign. Runs on the officer's machine.

    Args:
        asked: the request.
        log_key: the log's key, as the officer has it on paper.
        signer: the officer's cosigning key.
        state: file with the last checkpoint that this officer cosigned; absent before the first time.
        now: seconds since the epoch.

    Returns:
        The checkpoint with the log's signature and the officer's.

    Raises:
        WitnessError: the log was cut, rewritten, or forked since; or the request starts from another size.
        NoteError: the checkpoint is not the log's.
    """
    if signer.kind != COSIGNATURE:
        raise WitnessError("the key is not a cosigning key", remedy="make one with appliance audit witness")
    new = open_checkpoint(asked.checkpoint, log_key)
    seen = _seen(state, log_key)
    if new.size < seen.size:
        raise WitnessError(
            f"the log now has {new.size} records, but you cosigned {seen.size}: records were removed",
            rule="a log only grows",
            remedy="do not cosign; secure the host and keep your state file as evidence",
        )
    if asked.old != seen.size:
        raise WitnessError(
            f"the request starts from {asked.old} records, you last saw {seen.size}",
            rule=RULE,
            remedy=f"ask for it again: appliance audit request --old {seen.size}",
        )
    if not verify_consistency(seen.size, seen.root, new.size, new.root, asked.proof):
        raise WitnessError(
            f"the first {seen.size} records are not those you cosigned: the log was rewritten or split",
            rule="a witness never cosigns two inconsistent checkpoints",
            remedy="do not cosign; secure the host and keep request and state file as evidence",
        )
    note = Note.decode(asked.checkpoint)
    by_log = tuple(signature for signature in note.signatures if signature.key_id == log_key.key_id)
    cosigned = Note(note.text, (*by_log, signer.sign(note.text, now)))
    replace_file(state, cosigned.encode())
    return cosigned


@dataclass(frozen=True)
class Accepted:
    """A checkpoint with all cosignatures that hold: what it says, who cosigned, and the note to keep."""

    checkpoint: Checkpoint
    names: list[str]
    note: bytes

    def keep(self, log: Path) -> None:
        """Put the note beside the log."""
        replace_file(log / COSIGNED / str(self.checkpoint.size), self.note)


def judge(log: Path, data: bytes, log_key: Verifier, witnesses: list[Verifier]) -> Accepted:
    """Verify the cosignatures of a checkpoint, and add those that the log has already.

    Args:
        log: the log's folder.
        data: the cosigned checkpoint.
        log_key: the log's key.
        witnesses: whose cosignatures count.

    Raises:
        WitnessError: no witness cosigned it, or it is not a checkpoint of this log's own history.
        NoteError: a signature does not hold.
    """
    checkpoint, note = open_checkpoint(data, log_key), Note.decode(data)
    current = open_checkpoint((log / CHECKPOINT).read_bytes(), log_key)
    root = EMPTY
    if 0 < checkpoint.size <= current.size:
        root = TileReader(log, checkpoint.size).edge().root()
    if checkpoint.size > current.size or root != checkpoint.root:
        raise WitnessError(
            f"the cosigned checkpoint over {checkpoint.size} records is not of this log's history",
            rule="a log only grows",
            remedy="appliance audit verify; the officer's copy shows what the log was",
        )
    file = log / COSIGNED / str(checkpoint.size)
    known = Note.decode(file.read_bytes()).signatures if file.exists() else ()
    kept = {(signature.name, signature.key_id): signature for signature in (*known, *note.signatures)}
    merged = Note(note.text, tuple(kept.values()))
    keys = [key for key in (log_key, *witnesses) if merged.signature_of(key)]
    names = [key.name for key in keys if key.kind == COSIGNATURE]
    if not any(note.signature_of(key) for key in witnesses):
        raise WitnessError(
            "no witness of the policy cosigned this checkpoint",
            rule=RULE,
            remedy="name the checkpoint that `appliance audit cosign` wrote, or the policy that names this officer",
        )
    verified = tuple(signature for signature in merged.signatures if _by(signature.key_id, keys))
    return Accepted(checkpoint, names, Note(note.text, verified).encode())


def accept(
    log: Path,
    data: bytes,
    log_key: Verifier,
    witnesses: list[Verifier],
    *,
    record: Callable[[Checkpoint, list[str]], None] = lambda _checkpoint, _names: None,
) -> tuple[Checkpoint, list[str]]:
    """Keep the cosignatures of a checkpoint beside the log, once ``judge`` finds that they hold.

    Args:
        log: the log's folder.
        data: the cosigned checkpoint.
        log_key: the log's key.
        witnesses: whose cosignatures count.
        record: makes a durable record of what it is given; called before anything is kept.

    Returns:
        The checkpoint and the names of all who have cosigned it.

    Raises:
        WitnessError: no witness cosigned it, or it is not a checkpoint of this log's own history.
        NoteError: a signature does not hold.
    """
    accepted = judge(log, data, log_key, witnesses)
    record(accepted.checkpoint, accepted.names)
    accepted.keep(log)
    return accepted.checkpoint, accepted.names


def cosigned_sizes(log: Path) -> list[int]:
    """Sizes of the log that have cosignatures, the smallest first."""
    folder = log / COSIGNED
    return sorted(int(file.name) for file in folder.iterdir() if file.name.isdecimal()) if folder.is_dir() else []


def _by(key_id: bytes, keys: list[Verifier]) -> bool:
    return any(key.key_id == key_id for key in keys)


def _seen(state: Path, log_key: Verifier) -> Checkpoint:
    if not state.exists():
        return Checkpoint(log_key.name, 0, EMPTY)
    try:
        return open_checkpoint(state.read_bytes(), log_key)
    except NoteError as error:
        raise WitnessError(
            f"{state}: {error.message}", remedy="restore it: without it you would cosign blindly"
        ) from error
