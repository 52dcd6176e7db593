"""Who must have signed a checkpoint: the log and a quorum of witnesses, in the form of C2SP tlog-policy.

Lines of the file: ``log <verifier key>``, ``witness <name> <verifier key>``, ``group <name> <n|any|all> <member>...``
and, once, ``quorum <name|none>``. Members are witnesses or groups named above. ``#`` begins a comment line.
"""

from dataclasses import dataclass, field
from pathlib import Path

from appliance.audit.log.note import COSIGNATURE, ED25519, Checkpoint, Note, NoteError, Verifier, cosigners
from appliance.errors import ApplianceError

RULE = "C2SP tlog-policy"
NO_QUORUM = "none"
FILE = "policy"


class PolicyError(ApplianceError):
    """The policy file is malformed, or a checkpoint does not satisfy it."""


@dataclass(frozen=True)
class Signed:
    """A checkpoint that satisfies a policy: the note, what it says, and who cosigned it when (seconds)."""

    note: Note
    checkpoint: Checkpoint
    cosigned: dict[str, int]


@dataclass
class Policy:
    """A log's key, its witnesses by name, groups of them, and the name whose agreement is needed."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Verifier] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""

    @classmethod
    def decode(cls, text: str) -> "Policy":
        """Read a policy file.

        Raises:
            PolicyError: naming the line that is wrong.
        """
        policy = cls()
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                policy._take(words)
            except (ApplianceError, ValueError) as error:
                raise PolicyError(f"line {number} of the policy: {error}", rule=RULE) from error
        if not policy.logs or not policy.quorum:
            raise PolicyError("the policy names no log or no quorum", rule=RULE)
        return policy

    def require(self, data: bytes) -> Signed:
        """Check that a checkpoint is signed by the log and cosigned by the quorum.

        Raises:
            PolicyError: it is not; the message says who is missing.
            NoteError: it is malformed, or a signature does not hold.
        """
        note = Note.decode(data)
        checkpoint = Checkpoint.decode(note.text)
        if not any(key.name == checkpoint.origin and note.signature_of(key) for key in self.logs):
            raise PolicyError(
                f"no log of the policy signed this checkpoint of {checkpoint.origin}",
                rule=RULE,
                remedy="name the policy of this log",
            )
        signed = cosigners(note, self.witnesses.values())
        named = {name: signed[key.name] for name, key in self.witnesses.items() if key.name in signed}
        if not self._agreed(self.quorum, set(named)):
            missing = ", ".join(sorted(set(self.witnesses) - set(named))) or "witnesses"
            raise PolicyError(
                f"the quorum {self.quorum} has not cosigned the checkpoint over {checkpoint.size} records",
                rule=RULE,
                remedy=f"obtain cosignatures; not yet cosigned: {missing}",
            )
        return Signed(note, checkpoint, named)

    def _take(self, words: list[str]) -> None:
        kind, *rest = words
        if kind == "log" and rest:
            self.logs.append(_key(rest[0], ED25519))
        elif kind == "witness" and len(rest) >= 2:
            self._name(rest[0])
            self.witnesses[rest[0]] = _key(rest[1], COSIGNATURE)
        elif kind == "group" and len(rest) >= 3:
            name, threshold, *members = rest
            self._name(name)
            unknown = [member for member in members if member not in self.witnesses and member not in self.groups]
            if unknown or len(set(members)) != len(members):
                raise ValueError(f"members are named once, and above: {', '.join(unknown or members)}")
            count = {"any": 1, "all": len(members)}.get(threshold) or int(threshold)
            if not 1 <= count <= len(members):
                raise ValueError(f"{threshold} of {len(members)} members")
            self.groups[name] = (count, tuple(members))
        elif kind == "quorum" and len(rest) == 1 and not self.quorum:
            if rest[0] != NO_QUORUM and rest[0] not in self.witnesses and rest[0] not in self.groups:
                raise ValueError(f"quorum {rest[0]} is not named above")
            self.quorum = rest[0]
        else:
            raise ValueError(f"{' '.join(words)[:80]!r} is not a line of a policy")

    def _name(self, name: str) -> None:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name} is taken")

    def _agreed(self, name: str, signed: set[str]) -> bool:
        if name == NO_QUORUM:
            return True
        if name in self.witnesses:
            return name in signed
        count, members = self.groups[name]
        return sum(self._agreed(member, signed) for member in members) >= count


def installed(log: Path) -> Policy | None:
    """The policy beside the log, which this host shows reviews by; officers verify by their own copy.

    Raises:
        PolicyError: the file is malformed.
    """
    file = log / FILE
    return Policy.decode(file.read_text()) if file.is_file() else None


def _key(text: str, kind: int) -> Verifier:
    key = Verifier.decode(text)
    if key.kind != kind:
        raise NoteError(f"the key of {key.name} is of another kind")
    return key
