"""The second algorithm: people sign the exact bytes of all metadata with ECDSA P-384 and ML-DSA-87 in one envelope.

TUF roles name ECDSA keys only, so that every TUF client can read the repository; ``hybrid.dsse.json`` covers the
SHA-256 of every metadata file, and this verifier demands both signatures from as many people as sign the targets.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.trust import dsse
from appliance.trust.dsse import SignatureRefusedError
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import PublicKey
from appliance.trust.repository.root import Person

FILE = "hybrid.dsse.json"
PAYLOAD_TYPE = "application/vnd.mls-appliance.metadata+json"
KINDS = ("ECDSA P-384", "ML-DSA-87")
LIMIT = 1 << 20
RULE = "metadata counts with both signatures, ECDSA P-384 and ML-DSA-87, of enough people"


class _Covered(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    files: dict[str, str]


def sign(files: Mapping[str, bytes], people: Sequence[Person]) -> bytes:
    """The envelope over ``files`` (name to bytes), signed by both keys of each of ``people``."""
    value = {"files": {name: fingerprint(data) for name, data in files.items()}}
    keys = [key for person in people for key in (person.classical, person.quantum_safe)]
    return dsse.in_order(dsse.sign(value, PAYLOAD_TYPE, keys), FILE)


def verify(
    data: bytes,
    files: Mapping[str, bytes],
    people: Mapping[str, tuple[PublicKey, PublicKey]],
    threshold: int,
    name: str = FILE,
) -> tuple[str, ...]:
    """Verify that enough people signed exactly ``files`` with both of their keys.

    Args:
        data: the envelope.
        files: every metadata file by name, apart from the envelope itself.
        people: name to (ECDSA key, ML-DSA key).
        threshold: how many people must have signed.
        name: the envelope's file, for the error.

    Returns:
        Their names, sorted.

    Raises:
        SignatureRefusedError: other files, other bytes, or too few people with both signatures.
    """
    keys = {f"{person} ({kind})": key for person, pair in people.items() for kind, key in zip(KINDS, pair, strict=True)}
    verified = dsse.verify(data, PAYLOAD_TYPE, keys, threshold, name)
    try:
        covered = _Covered.model_validate(verified.value).files
    except ValidationError as error:
        raise SignatureRefusedError(f"{name}: does not list metadata files", rule=RULE) from error
    for file in sorted(set(covered) | set(files)):
        if file not in files or covered.get(file) != fingerprint(files[file]):
            raise SignatureRefusedError(
                f"{name}: {file} is not the file that was signed", rule=RULE, remedy="carry it again from its source"
            )
    signers = sorted(person for person in people if all(f"{person} ({kind})" in verified.signers for kind in KINDS))
    if len(signers) < threshold:
        raise SignatureRefusedError(
            f"{name}: {len(signers)} people signed with both algorithms; {threshold} must",
            rule=RULE,
            remedy="have it signed again by people with both of their keys",
        )
    return tuple(signers)


def require_one_form(data: bytes, people: Mapping[str, tuple[PublicKey, PublicKey]], name: str = FILE) -> None:
    """Refuse a verified envelope that somebody wrote again in another way: a bundle is one sequence of bytes.

    Raises:
        SignatureRefusedError: signatures in another order, or one of ECDSA in its second form (r, n - s).
    """
    if not dsse.has_one_form(data, [key for pair in people.values() for key in pair], name):
        raise SignatureRefusedError(
            f"{name}: its signatures are valid, but in another order or form than they were made in",
            rule="a signed file has one form: signatures in the order of their keys' ids, each with the smaller s",
            remedy="carry it again from its source; if this version's own tools did not sign it, sign it again",
        )
