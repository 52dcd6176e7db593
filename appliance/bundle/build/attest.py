"""Sign what the builder claims of an assembled bundle's images and models, also in the form that other tools read."""

import hashlib
from pathlib import Path, PurePosixPath

from appliance.bundle.build.assemble import digest_record
from appliance.bundle.build.steps import Builder
from appliance.bundle.evidence.attestations import FOLDER, path_of, twin_of
from appliance.bundle.evidence.model_claims import FOLDER as MODELS
from appliance.bundle.evidence.model_claims import (
    PREDICATES,
    files_of,
    make_mlbom,
    model_signature,
    models_of,
    read_card,
    weights_of,
)
from appliance.bundle.inputs.collect import sha256_of
from appliance.bundle.repository.metadata import list_files
from appliance.trust import dsse, sigstore
from appliance.trust.files import replace_file
from appliance.trust.keys import Passphrase, PrivateKey, load_private_key
from appliance.trust.statements import PAYLOAD_TYPE, sign_statement


def attest(builder: Builder, keys: Path, passphrase: Passphrase | None = None) -> None:
    """Attest the models of an assembled bundle, and sign every attestation with ``builder.pem`` in ``keys``.

    Raises:
        ApplianceError: the key is missing or does not open, or a model lacks its card or licence.
    """
    targets = builder.out / "targets"
    key = load_private_key(keys / "builder.pem", passphrase)
    (targets / FOLDER).mkdir(exist_ok=True)
    statements = {
        path.name: dsse.sign(dsse.payload_of(path.read_bytes(), path.name)[1], PAYLOAD_TYPE, [])
        for path in (targets / FOLDER).glob("*.dsse.json")
    }
    for name in models_of(list_files(targets)):
        statements |= _model_statements(builder, name)
    for name, unsigned in sorted(statements.items()):
        envelope = _signed(unsigned, key, builder.cache / "attestations")
        _write(targets / FOLDER / name, envelope)
        _write(targets / FOLDER / twin_of(name), sigstore.wrap(envelope, key.public, name))


def _model_statements(builder: Builder, name: str) -> dict[str, bytes]:
    """The claims of one model by the names of their files, as envelopes without signatures."""
    folder, record = builder.out / "targets" / MODELS, digest_record(builder)
    files = {file: record.get(folder / file) or sha256_of(folder / file) for file in files_of(name)}
    card = read_card((folder / f"{name}.card.json").read_bytes(), name)
    whole, signature = model_signature(files)
    claims = {
        "mlbom": (files[weights_of(name)], make_mlbom(card, files, builder.lock.epoch)),
        "oms": (whole, signature),
    }
    return {
        PurePosixPath(path_of(name, kind)).name: sign_statement({name: digest}, PREDICATES[kind], predicate, [])
        for kind, (digest, predicate) in claims.items()
    }


def _signed(unsigned: bytes, key: PrivateKey, memory: Path) -> bytes:
    """The envelope with the builder's signature; the same one on the same statement, though ECDSA makes a new one."""
    path = memory / f"{hashlib.sha256(unsigned).hexdigest()}.{key.public.keyid[:16]}.dsse.json"
    if not path.exists():
        memory.mkdir(parents=True, exist_ok=True)
        replace_file(path, dsse.add_signature(unsigned, key))
    envelope = path.read_bytes()
    dsse.verify(envelope, PAYLOAD_TYPE, {"builder": key.public}, 1, str(path))
    return envelope


def _write(path: Path, data: bytes) -> None:
    """Write a file, unless it is there already."""
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)
