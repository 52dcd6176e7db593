"""The site's security officers, and the statements that take effect only with two of their signatures."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical, dsse
from appliance.trust.certificates import UNREADABLE
from appliance.trust.files import read_limited
from appliance.trust.fingerprint import check_fingerprint
from appliance.trust.keys import ECDSA, PublicKey, load_public_key

MAXIMUM_SIZE = 4 << 20


MINIMUM = 2
"""Officers of a site: as many as must sign."""


class OfficersError(ApplianceError):
    """The list of officers is not usable, or a statement lacks their signatures."""


class Officers(BaseModel):
    """``officers.json``: who may decide for a site. Its fingerprint is on paper.

    Attributes:
        type: always ``officers``.
        officers: name to key; two of them sign the site's statements.
        authority: SHA-256 of the site's certificate authority (DER), hexadecimal.
        demo: whether these are demonstration keys.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["officers"] = Field(alias="_type")
    officers: dict[str, PublicKey] = Field(min_length=MINIMUM)
    authority: str = Field(pattern=r"^[0-9a-f]{64}$")
    demo: bool

    @model_validator(mode="after")
    def _no_key_twice(self) -> Self:
        keys = [key.keyid for key in self.officers.values()]
        if len(set(keys)) != len(keys):
            raise ValueError("one key stands under two names")
        return self

    def encode(self) -> bytes:
        """The canonical bytes of ``officers.json``."""
        return canonical.encode(self.model_dump(by_alias=True))


def payload_digest(value: Any) -> str:
    """SHA-256 of the payload of a statement: the same however its signatures are written."""
    return hashlib.sha256(canonical.encode(value)).hexdigest()


def payload_type(kind: str) -> str:
    """The DSSE payload type of a site statement, for example of ``site``."""
    return f"application/vnd.mls-appliance.{kind}+json"


def load_officers(path: Path, fingerprint: str | None = None) -> Officers:
    """Read ``officers.json``.

    Args:
        path: the file.
        fingerprint: what the paper says, or None when the file was already accepted at installation.

    Raises:
        ApplianceError: unreadable, another fingerprint, or not a usable list.
    """
    data = read_limited(path, MAXIMUM_SIZE)
    if fingerprint is not None:
        check_fingerprint(data, fingerprint, str(path))
    value = canonical.decode(data, str(path))
    if not isinstance(value, dict) or value.get("_type") != "officers":
        raise OfficersError(
            f"{path}: is not a list of officers, but {canonical.described(value)}",
            rule="officers.json names the site's officers with their public keys, and its certificate authority",
            remedy="name the file that `appliance keys init` or `appliance site officers` made",
        )
    try:
        return Officers.model_validate(canonical.decode_canonical(data, str(path)))
    except ValidationError as error:
        raise OfficersError(
            f"{path}: {first_finding(error)}",
            rule="officers.json names the site's officers with their public keys, and its certificate authority",
            remedy="make it again: appliance site officers",
        ) from error


def list_officers(files: Sequence[Path], authority: x509.Certificate, *, demo: bool) -> Officers:
    """Make the list from public key files, each named ``<name>.pub``, and the site's certificate authority.

    Raises:
        ApplianceError: a file is not an ECDSA key, a name or key stands twice, or there are fewer than two.
    """
    keys = {file.stem: load_public_key(file) for file in files}
    if len(keys) != len(files) or any(key.scheme != ECDSA for key in keys.values()):
        raise OfficersError(
            "two officers have the same name, or a key is not an ECDSA key",
            rule="officers have distinct names and sign with ECDSA keys",
            remedy="name <name>.pub of each, not <name>.ml-dsa.pub; `appliance keys new` makes keys",
        )
    if len(files) < MINIMUM:
        raise OfficersError(
            f"{len(files)} officer is named: {', '.join(str(file) for file in files)}",
            rule="two officers sign every statement of a site, so it has at least two",
            remedy="name another one: --officer FILE",
        )
    try:
        return Officers(
            _type="officers", officers=keys, authority=authority.fingerprint(hashes.SHA256()).hex(), demo=demo
        )
    except ValidationError as error:
        raise OfficersError(
            f"the list of officers: {first_finding(error)}",
            rule="officers have distinct names of letters, digits and dashes, and a key each",
            remedy="name the .pub files of distinct officers",
        ) from error


def check_authority(officers: Officers, certificate: Path) -> None:
    """Refuse a certificate authority that is not the one ``officers.json`` names, and so the paper.

    Args:
        officers: the accepted officers.
        certificate: ``certificates/ca.pem`` of the site folder.

    Raises:
        OfficersError: another authority, or not a certificate.
    """
    data = read_limited(certificate, 1 << 16)
    try:
        found = x509.load_pem_x509_certificate(data).fingerprint(hashes.SHA256()).hex()
    except UNREADABLE as error:
        raise OfficersError(
            f"{certificate}: not a certificate in PEM",
            rule="certificates/ca.pem is the site authority's certificate",
            remedy="issue the certificates again: appliance site issue-certificates",
        ) from error
    if found != officers.authority:
        raise OfficersError(
            f"{certificate}: not the authority that officers.json names",
            rule="whoever makes certificates decides who anybody is; the paper covers it through officers.json",
            remedy="carry the site folder again from its officers",
        )


def load_signed(path: Path, officers: Officers | Path, kind: str, threshold: int = 2) -> dict[str, Any]:
    """The content of a site statement, once ``threshold`` officers are proven to have signed it.

    Args:
        path: for example ``site.dsse.json``.
        officers: the accepted officers, or the path of the accepted ``officers.json``.
        kind: ``site``, ``subjects``, ``access`` or ``inventory``.
        threshold: how many distinct officers must have signed.

    Raises:
        ApplianceError: unreadable, not canonical, another kind, or too few or unknown signatures.
    """
    return load_signed_by(path, officers, kind, threshold)[0]


def load_signed_by(
    path: Path, officers: Officers | Path, kind: str, threshold: int = 2
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """As :func:`load_signed`, with the names of those who signed."""
    people: Mapping[str, PublicKey] = (load_officers(officers) if isinstance(officers, Path) else officers).officers
    data = read_limited(path, MAXIMUM_SIZE)
    verified = dsse.verify(data, payload_type(kind), people, threshold, str(path))
    value = verified.value
    if not isinstance(value, dict):
        raise OfficersError(
            f"{path}: the signed content is not an object",
            rule="a statement is a set of fields with values",
            remedy="sign the statement again: appliance site sign",
        )
    return value, verified.signers
