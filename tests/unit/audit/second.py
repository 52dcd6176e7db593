"""A verifier of the log written a second time, from the specifications alone.

It shares no code with ``appliance.audit``: RFC 6962 for the hashes, C2SP signed-note, tlog-checkpoint and tlog-tiles
for the files, and for the bodies what docs/architecture.md says. It is slow and short, and is used by tests only.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def merkle_tree_hash(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, without recursion over the right edge: fold perfect subtrees from a stack."""
    stack: list[tuple[int, bytes]] = []
    for entry in entries:
        height, value = 0, hashlib.sha256(b"\x00" + entry).digest()
        while stack and stack[-1][0] == height:
            value = hashlib.sha256(b"\x01" + stack.pop()[1] + value).digest()
            height += 1
        stack.append((height, value))
    if not stack:
        return hashlib.sha256().digest()
    root = stack.pop()[1]
    while stack:
        root = hashlib.sha256(b"\x01" + stack.pop()[1] + root).digest()
    return root


def signed_checkpoint(data: bytes, vkey: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key signed."""
    name, key_hash, key = vkey.strip().split("+", 2)
    raw = base64.b64decode(key)
    assert raw[0] == 1
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_hash
    text, signatures = data.decode().split("\n\n")
    text += "\n"
    prefix = f"\N{EM DASH} {name} "
    lines = [base64.b64decode(line.removeprefix(prefix)) for line in signatures.splitlines() if line.startswith(prefix)]
    signature = next(line[4:] for line in lines if line[:4].hex() == key_hash)
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature, text.encode())
    origin, size, root = text.splitlines()
    assert origin == name
    return int(size), base64.b64decode(root)


def number_path(number: int) -> str:
    """``x001/x234/067`` of tlog-tiles."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def tile_files(entries: list[bytes]) -> dict[str, bytes]:
    """Every tile and entry bundle of a log with ``entries``, by its path."""
    files, level, hashes = {}, 0, [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
    for number in range(-(-len(entries) // 256)):
        chunk = entries[number * 256 : number * 256 + 256]
        suffix = "" if len(chunk) == 256 else f".p/{len(chunk)}"
        files[f"tile/entries/{number_path(number)}{suffix}"] = b"".join(
            len(entry).to_bytes(2, "big") + entry for entry in chunk
        )
    while hashes:
        for number in range(-(-len(hashes) // 256)):
            chunk = hashes[number * 256 : number * 256 + 256]
            suffix = "" if len(chunk) == 256 else f".p/{len(chunk)}"
            files[f"tile/{level}/{number_path(number)}{suffix}"] = b"".join(chunk)
        full = len(hashes) // 256
        level, hashes = level + 1, [_perfect(hashes[n * 256 : n * 256 + 256]) for n in range(full)]
    return files


def entries_of_bodies(log: Path) -> list[bytes]:
    """``SHA-256(salt || body)`` of every record, the body cut out of its line as it stands there."""
    entries: list[bytes] = []
    for file in sorted((log / "bodies").iterdir()):
        for line in file.read_bytes().split(b"\n")[:-1]:
            record = json.loads(line)
            assert record["index"] == len(entries)
            assert record["label"] == record["body"]["label"]
            body = line[line.index(b'"body":') + 7 : -1]
            entries.append(hashlib.sha256(bytes.fromhex(record["salt"]) + body).digest())
    return entries


def holds(log: Path, vkey: str) -> bool:
    """Whether the log is whole."""
    size, root = signed_checkpoint((log / "checkpoint").read_bytes(), vkey)
    entries = entries_of_bodies(log)[:size]
    files = tile_files(entries)
    return (
        len(entries) == size
        and merkle_tree_hash(entries) == root
        and all((log / name).is_file() and (log / name).read_bytes() == data for name, data in files.items())
    )


def _perfect(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
