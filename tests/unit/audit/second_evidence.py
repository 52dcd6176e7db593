"""A verifier of evidence archives written a second time, from the form that ``audit.review.evidence`` describes.

It shares no code with ``appliance.audit``, walks the tree without recursion, and is used by tests only. It does not
read ``index.html``, which only who has the same program can make again.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature

from tests.unit.audit.second import signed_checkpoint

_ASKED: dict[str, Callable[[dict[str, Any]], object]] = {
    "subject": lambda event: event["actor"]["user"]["name"],
    "label": lambda event: event["label"],
    "enclave": lambda event: event["unmapped"]["enclave"],
    "decision": lambda event: {1: "allowed", 2: "denied"}.get(event.get("action_id", 0)),
    "rule": lambda event: _policy(event).get("name"),
}


def holds_evidence(archive: Path, vkey: str) -> bool:
    """Whether every record of the archive stands in the log that ``vkey`` signed, and fits what was asked for."""
    with zipfile.ZipFile(archive) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    try:
        size, root = signed_checkpoint(files["checkpoint"], vkey)
        proof, selection = json.loads(files["proof.json"]), json.loads(files["selection.json"])
        records = [_record(line) for line in files["records.jsonl"].split(b"\n")[:-1]]
        if root != root_beside(proof["indices"], proof["entries"], proof["hashes"], size):
            return False
    except (InvalidSignature, AssertionError, StopIteration, ValueError, IndexError):
        return False
    events = [event for _, _, event in records]
    named = {_policy(event).get("uid", "").removeprefix("sha256:") for event in events}
    wanted = {name: value for name, value in selection["wanted"].items() if value is not None}
    indices = [index for index, _, _ in records]
    stretch = list(range(selection["first"], selection["end"]))
    return (
        indices == proof["indices"]
        and [entry for _, entry, _ in records] == proof["entries"]
        and all(_ASKED[name](event) == value for event in events for name, value in wanted.items())
        and (set(indices) <= set(stretch) if wanted else indices == stretch)
        and all(_named_by_digest(name, data, named) for name, data in files.items() if name.startswith("policies/"))
    )


def root_beside(indices: list[int], entries: list[str], hashes: list[str], size: int) -> bytes:
    """The root of RFC 6962 over ``size`` leaves, from some of its entries and the subtrees beside them, left to right.

    Raises:
        IndexError: too few entries or hashes.
        ValueError: too many, or one is not hexadecimal.
    """
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(entry)).digest() for entry in entries]
    beside = [bytes.fromhex(value) for value in hashes]
    steps, done = [(0, size, False)], list[bytes]()
    while steps:
        low, high, both = steps.pop()
        if both:
            right = done.pop()
            done.append(hashlib.sha256(b"\x01" + done.pop() + right).digest())
        elif not any(low <= index < high for index in indices):
            done.append(beside.pop(0))
        elif high - low == 1:
            done.append(leaves.pop(0))
        else:
            half = 1
            while 2 * half < high - low:
                half *= 2
            steps += [(low, high, True), (low + half, high, False), (low, low + half, False)]
    if leaves or beside:
        raise ValueError("more entries or hashes than the tree has places")
    return done.pop()


def _record(line: bytes) -> tuple[int, str, dict[str, Any]]:
    """Index, entry and event of a line; the body is cut out of it as it stands there."""
    record = json.loads(line)
    assert record["label"] == record["body"]["label"]
    salt, body = bytes.fromhex(record["salt"]), line[line.index(b'"body":') + 7 : -1]
    return record["index"], hashlib.sha256(salt + body).hexdigest(), record["body"]


def _policy(event: dict[str, Any]) -> dict[str, str]:
    authorizations = event["actor"].get("authorizations")
    policy: dict[str, str] = authorizations[0]["policy"] if authorizations else {}
    return policy


def _named_by_digest(name: str, data: bytes, named: set[str]) -> bool:
    digest = hashlib.sha256(data).hexdigest()
    return name == f"policies/{digest}" and digest in named
