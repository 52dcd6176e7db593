"""The exact form of each metadata file: every field typed, every other field refused, before anything interprets it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_finding
from appliance.trust.keys import PublicKey

PEOPLE_FIELD = "x-appliance-people"
BUILDERS_FIELD = "x-appliance-builders"
DEMO_FIELD = "x-appliance-demo"
CREATED_FIELD = "x-appliance-created"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Hexadecimal = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$", max_length=512)]
Time = Annotated[str, Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$")]
Number = Annotated[int, Field(ge=1, le=2**53 - 1)]
Length = Annotated[int, Field(ge=0, le=2**53 - 1)]


class FormError(ApplianceError):
    """A metadata file with a missing, a mistyped or an unknown field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Custom(_Strict):
    """What the bundle says of each target.

    Attributes:
        kind: what the target is, for example ``image``, ``model``, ``deb``, ``wheel``, ``policy``.
        label: its marking.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    label: Annotated[str, Field(min_length=1, max_length=200)]


class Chunks(_Strict):
    """Digests of the pieces of a large file, so that it can be divided over media without a new signature.

    Attributes:
        size: bytes of each piece but the last.
        sha256: digest of each piece.
    """

    size: Annotated[int, Field(ge=1 << 16, le=1 << 40)]
    sha256: Annotated[list[Digest], Field(min_length=2)]

    @classmethod
    def of(cls, size: int, digests: Sequence[str]) -> Self | None:
        """The pieces, or None for a file of one piece."""
        return cls(size=size, sha256=list(digests)) if digests else None


class ListedCustom(Custom):
    """What stands in the metadata of a target."""

    chunks: Chunks | None = None


class _Hashes(_Strict):
    sha256: Digest


class _Meta(_Strict):
    version: Number


class _Target(_Strict):
    length: Length
    hashes: _Hashes
    custom: ListedCustom


class _Signed(_Strict):
    spec_version: Annotated[str, Field(pattern=r"^1\.[0-9]+(\.[0-9]+)?$")]
    version: Number
    expires: Time


class _Timestamp(_Signed):
    type: Literal["timestamp"] = Field(alias="_type")
    meta: dict[Literal["snapshot.json"], _Meta] = Field(min_length=1)
    created: Time = Field(alias=CREATED_FIELD)


class _Snapshot(_Signed):
    type: Literal["snapshot"] = Field(alias="_type")
    meta: dict[Literal["targets.json"], _Meta] = Field(min_length=1)


class _Targets(_Signed):
    type: Literal["targets"] = Field(alias="_type")
    targets: dict[str, _Target]


class _Role(_Strict):
    keyids: Annotated[list[Digest], Field(min_length=1, max_length=64)]
    threshold: Annotated[int, Field(ge=1, le=64)]


class _Roles(_Strict):
    root: _Role
    timestamp: _Role
    snapshot: _Role
    targets: _Role


class PersonKeys(_Strict):
    """The two keys of a person who signs bundles."""

    ecdsa: PublicKey
    ml_dsa: PublicKey = Field(alias="ml-dsa")


class BuilderKey(_Strict):
    """A key that may attest for a builder."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    key: PublicKey


class RootForm(_Signed):
    """The signed part of a root."""

    type: Literal["root"] = Field(alias="_type")
    consistent_snapshot: Literal[False]
    keys: dict[Digest, PublicKey]
    roles: _Roles
    people: dict[Annotated[str, Field(min_length=1, max_length=100)], PersonKeys] = Field(alias=PEOPLE_FIELD)
    builders: list[BuilderKey] = Field(alias=BUILDERS_FIELD)
    demo: bool = Field(alias=DEMO_FIELD)


class _Signature(_Strict):
    keyid: Digest
    sig: Hexadecimal


class _Document(_Strict):
    signatures: Annotated[list[_Signature], Field(max_length=64)]


class _RootDocument(_Document):
    signed: RootForm


class _TimestampDocument(_Document):
    signed: _Timestamp


class _SnapshotDocument(_Document):
    signed: _Snapshot


class _TargetsDocument(_Document):
    signed: _Targets


_DOCUMENTS: dict[str, type[_Document]] = {
    "root": _RootDocument,
    "timestamp": _TimestampDocument,
    "snapshot": _SnapshotDocument,
    "targets": _TargetsDocument,
}


def check_form(value: Any, kind: str, name: str) -> None:
    """Refuse a document that has not exactly the fields of its kind.

    Args:
        value: the parsed JSON.
        kind: ``root``, ``timestamp``, ``snapshot`` or ``targets``.
        name: the file, for the error.

    Raises:
        FormError: naming the first field that is missing, mistyped or unknown.
    """
    try:
        _DOCUMENTS[kind].model_validate(value)
    except ValidationError as error:
        raise FormError(
            f"{name}: {first_finding(error)}",
            rule="TUF specification 1.0, and no fields beyond this appliance's own",
        ) from error
