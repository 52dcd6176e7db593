"""One TUF metadata file, read strictly: canonical bytes, known fields only, no signature that nobody can explain."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    Root,
    Signed,
    Snapshot,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from appliance.errors import ApplianceError
from appliance.trust import canonical
from appliance.trust.keys import PublicKey
from appliance.trust.root import BUILDERS_FIELD, DEMO_FIELD, PEOPLE_FIELD

CREATED_FIELD = "x-appliance-created"
TYPES: dict[str, type[Signed]] = {"root": Root, "timestamp": Timestamp, "snapshot": Snapshot, "targets": Targets}
LIMITS = {"root": 1 << 20, "timestamp": 64 << 10, "snapshot": 64 << 10, "targets": 64 << 20}
_EXTRA = {"root": {PEOPLE_FIELD, BUILDERS_FIELD, DEMO_FIELD}, "timestamp": {CREATED_FIELD}}
_SEGMENT = re.compile(r"[A-Za-z0-9._+~:@%=,-]+")


class MetadataError(ApplianceError):
    """TUF metadata that is refused."""


class Custom(BaseModel):
    """What the bundle says of each target.

    Attributes:
        kind: what the target is, for example ``image``, ``model``, ``deb``, ``wheel``, ``policy``.
        label: its marking.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    label: str = Field(min_length=1, max_length=200)


@dataclass(frozen=True)
class Target:
    """A file that the bundle carries, as the signed metadata describes it."""

    path: str
    length: int
    sha256: str
    custom: Custom


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
    value = canonical.decode_canonical(data, name)
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except DeserializationError as error:
        reason = error.__cause__ or error
        raise MetadataError(f"{name}: not TUF metadata: {reason}", rule="TUF specification 1.0") from error
    if metadata.signed.type != kind:
        raise MetadataError(f"{name}: is {metadata.signed.type} metadata, not {kind}")
    for where, fields in _unknown_fields(metadata, kind):
        raise MetadataError(
            f"{name}: unknown field {sorted(fields)[0]!r} in {where}", rule="unknown fields are refused"
        )
    if canonical.encode(metadata.to_dict()) != canonical.encode(value):
        raise MetadataError(f"{name}: read and written again it is another document")
    return metadata


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
        try:
            valid = key is not None and key.verifies(bytes.fromhex(signature.signature), message)
        except ValueError:
            valid = False
        if not valid:
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
        MetadataError: a path that leaves the folder, a missing digest, or custom data of another form.
    """
    result: dict[str, Target] = {}
    for path, file in targets.targets.items():
        check_path(path)
        try:
            custom = Custom.model_validate(file.custom)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("custom", *first["loc"])))
            raise MetadataError(f"targets.json: {path}: {where}: {first['msg']}") from error
        if set(file.hashes) != {"sha256"} or not re.fullmatch(r"[0-9a-f]{64}", file.hashes["sha256"]):
            raise MetadataError(f"targets.json: {path}: not exactly one SHA-256", rule="targets are named by SHA-256")
        result[path] = Target(path, file.length, file.hashes["sha256"], custom)
    folders = {str(parent) for path in result for parent in PurePosixPath(path).parents}
    for path in folders & set(result):
        raise MetadataError(f"targets.json: {path} is a file and a folder at once")
    return result


def _unknown_fields(metadata: Metadata[Any], kind: str) -> list[tuple[str, set[str]]]:
    signed = metadata.signed
    found = [
        ("the file", set(metadata.unrecognized_fields)),
        ("signed", set(signed.unrecognized_fields) - _EXTRA.get(kind, set())),
    ]
    found += [("signatures", set(signature.unrecognized_fields)) for signature in metadata.signatures.values()]
    if isinstance(signed, Root):
        found += [(f"key {keyid[:16]}", set(key.unrecognized_fields)) for keyid, key in signed.keys.items()]
        found += [(f"role {name}", set(role.unrecognized_fields)) for name, role in signed.roles.items()]
    elif isinstance(signed, Timestamp):
        found.append(("meta", set(signed.snapshot_meta.unrecognized_fields)))
    elif isinstance(signed, Snapshot):
        found.append(("meta", set(signed.meta) ^ {"targets.json"}))
        found += [(f"meta {name}", set(meta.unrecognized_fields)) for name, meta in signed.meta.items()]
    elif isinstance(signed, Targets):
        found.append(("signed", {"delegations"} if signed.delegations is not None else set()))
        found += [(path, set(file.unrecognized_fields) - {"custom"}) for path, file in signed.targets.items()]
    return [(where, fields) for where, fields in found if fields]
