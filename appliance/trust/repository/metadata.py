"""One TUF metadata file, read strictly: canonical bytes, known fields only, no signature that nobody can explain."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from securesystemslib.signer import Signature
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    Root,
    Targets,
)
from tuf.api.serialization import DeserializationError

from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.keys import PublicKey, SigningKey
from appliance.trust.repository.schema import Chunks, Custom, ListedCustom, check_form

__all__ = [
    "LIMITS",
    "Custom",
    "MetadataError",
    "Target",
    "add_signature",
    "check_path",
    "check_signatures",
    "parse",
    "role_keys",
    "targets_of",
]

LIMITS = {"root": 1 << 20, "timestamp": 64 << 10, "snapshot": 64 << 10, "targets": 64 << 20}
_SEGMENT = re.compile(r"[A-Za-z0-9._+~:@%=,-]+")


class MetadataError(ApplianceError):
    """TUF metadata that is refused."""


@dataclass(frozen=True)
class Target:
    """A file that the bundle carries, as the signed metadata describes it."""

    path: str
    length: int
    sha256: str
    custom: Custom
    chunks: Chunks | None = None

    def listed(self) -> dict[str, Any]:
        """The ``custom`` field of its metadata."""
        return ListedCustom(**self.custom.model_dump(), chunks=self.chunks).model_dump(exclude_none=True)


def check_path(path: str) -> None:
    """Refuse a target path that could name anything but a file below the targets folder.

    Raises:
        MetadataError: absolute, with ``..`` or empty parts, or with characters beyond those of package files.
    """
    parts = path.split("/")
    if len(path) > 1024 or any(not _SEGMENT.fullmatch(part) or part in {".", ".."} for part in parts):
        raise MetadataError(
            f"targets.json: {path!r} is not a plain relative path", rule="targets stay below the targets folder"
        )


def parse(data: bytes, kind: str, name: str) -> Metadata[Any]:
    """Read the bytes of a metadata file without trusting its signatures yet.

    Args:
        data: the bytes.
        kind: ``root``, ``timestamp``, ``snapshot`` or ``targets``.
        name: the file, for the error.

    Raises:
        ApplianceError: not canonical, another type, an unknown version of the specification, or an unknown field.
    """
    check_form(canonical.decode_canonical(data, name), kind, name)
    try:
        return Metadata.from_bytes(data)
    except DeserializationError as error:
        raise MetadataError(
            f"{name}: not TUF metadata: {error.__cause__ or error}", rule="TUF specification 1.0"
        ) from error


def add_signature(metadata: Metadata[Any], key: SigningKey) -> None:
    """Sign the canonical bytes of ``metadata`` (TUF specification 4.2.1) with ``key``."""
    keyid = key.public.keyid
    metadata.signatures[keyid] = Signature(keyid, key.sign(metadata.signed_bytes).hex())


def check_signatures(metadata: Metadata[Any], keys: dict[str, PublicKey], name: str) -> tuple[str, ...]:
    """Refuse metadata with a signature that is of no permitted key or does not verify.

    Args:
        metadata: the parsed file.
        keys: the keys permitted for its role, by key id.
        name: the file, for the error.

    Returns:
        The key ids that signed.

    Raises:
        MetadataError: an unknown or a non-verifying signature.
    """
    message = metadata.signed_bytes
    for keyid, signature in metadata.signatures.items():
        key = keys.get(keyid)
        if key is None or not key.verifies(bytes.fromhex(signature.signature), message):
            raise MetadataError(
                f"{name}: the signature of key {keyid[:16]} is of no permitted person, or was made over other content",
                rule="every signature verifies, or the file is refused",
                remedy="the medium was changed or damaged after signing; carry it again from its source",
            )
    return tuple(metadata.signatures)


def role_keys(root: Root, role: str) -> dict[str, PublicKey]:
    """The keys that ``root`` permits for ``role``, by key id."""
    return {keyid: PublicKey.model_validate(root.keys[keyid].to_dict()) for keyid in root.roles[role].keyids}


def targets_of(targets: Targets) -> dict[str, Target]:
    """The targets that verified metadata lists, by path.

    Raises:
        MetadataError: a path that leaves the folder, or that is a file and a folder at once.
    """
    result: dict[str, Target] = {}
    for path, file in targets.targets.items():
        check_path(path)
        listed = ListedCustom.model_validate(file.custom)
        if listed.chunks and len(listed.chunks.sha256) != -(-file.length // listed.chunks.size):
            raise MetadataError(f"targets.json: {path}: the pieces don't make up {file.length} bytes")
        custom = Custom(kind=listed.kind, label=listed.label)
        result[path] = Target(path, file.length, file.hashes["sha256"], custom, listed.chunks)
    folders = {str(parent) for path in result for parent in PurePosixPath(path).parents}
    for path in folders & set(result):
        raise MetadataError(f"targets.json: {path} is a file and a folder at once")
    return result
