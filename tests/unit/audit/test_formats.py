"""Hashes, proofs, tiles and notes are those of the specifications."""

import asyncio
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audit.log.merkle import (
    EMPTY,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from appliance.audit.log.note import (
    COSIGNATURE,
    Checkpoint,
    Note,
    NoteError,
    Signer,
    Verifier,
    cosigners,
    open_checkpoint,
)
from appliance.audit.log.tiles import TileReader, tile_path
from tests.unit.audit.conftest import Place

# The leaves and roots with which the Certificate Transparency project tests RFC 6962 trees.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, written down as it stands there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def test_the_published_roots_of_rfc_6962_trees() -> None:
    tree = Tree()
    assert tree.root() == EMPTY
    for leaf, expected in zip(LEAVES, ROOTS, strict=True):
        tree.add(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == expected


@given(st.integers(0, 600))
@settings(max_examples=40)
def test_a_grown_tree_has_the_root_of_the_definition(size: int) -> None:
    leaves = [n.to_bytes(2, "big") for n in range(size)]
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
    assert tree.root() == root(leaves)


@given(st.data())
@settings(max_examples=200)
def test_proofs_hold_for_what_they_prove_and_for_nothing_else(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 70))
    old, index = data.draw(st.integers(0, new)), data.draw(st.integers(0, new - 1))
    leaves = [n.to_bytes(2, "big") for n in range(new)]

    def subtree(low: int, high: int) -> bytes:
        return root(leaves[low:high])

    proof = inclusion_proof(subtree, index, new)
    assert verify_inclusion(leaf_hash(leaves[index]), index, new, proof, root(leaves))
    assert not verify_inclusion(leaf_hash(b"other"), index, new, proof, root(leaves))
    other = data.draw(st.integers(0, new - 1).filter(lambda n: n != index)) if new > 1 else index + 1
    assert not verify_inclusion(leaf_hash(leaves[index]), other, new, proof, root(leaves))
    proof = consistency_proof(subtree, old, new)
    assert verify_consistency(old, root(leaves[:old]), new, root(leaves), proof)
    if old:
        changed = [b"other", *leaves[1:old]]
        assert not verify_consistency(old, root(changed), new, root(leaves), proof)


def test_proofs_are_made_from_the_tiles_of_a_log(place: Place) -> None:
    asyncio.run(place.fill(300))
    checkpoint = open_checkpoint((place.path / "checkpoint").read_bytes(), Verifier.decode(place.vkey))
    reader = TileReader(place.path, 300)
    old = TileReader(place.path, 77).edge().root()
    assert verify_consistency(77, old, 300, checkpoint.root, consistency_proof(reader.subtree, 77, 300))
    for index in (0, 255, 256, 299):
        leaf = reader.edge().edge[0][index - 256] if index >= 256 else reader.subtree(index, index + 1)
        assert verify_inclusion(leaf, index, 300, inclusion_proof(reader.subtree, index, 300), checkpoint.root)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((0, 1234067), "tile/0/x001/x234/067"),
        ((1, 0, 5), "tile/1/000.p/5"),
        (("entries", 273, 255), "tile/entries/273.p/255"),
    ],
)
def test_tile_paths_are_those_of_tlog_tiles(arguments: tuple[int, int], path: str) -> None:
    assert tile_path(*arguments) == path


def test_a_published_signed_note_verifies() -> None:
    verifier = Verifier.decode("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = Note.decode(
        b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        b"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6"
        b"RyyBwJnAM=\n"
    )
    assert note.signature_of(verifier) is not None


def test_keys_and_checkpoints_survive_their_text_form() -> None:
    signer = Signer.generate("site.example/audit")
    assert Signer.decode(signer.encode()).verifier == signer.verifier == Verifier.decode(signer.verifier.encode())
    checkpoint = Checkpoint("site.example/audit", 7, bytes(range(32)))
    note = Note(checkpoint.text(), (signer.sign(checkpoint.text()),))
    assert open_checkpoint(note.encode(), signer.verifier) == checkpoint


def test_a_cosignature_holds_for_its_time_and_text_alone() -> None:
    log, officer = Signer.generate("site.example/audit"), Signer.generate("officer.one", COSIGNATURE)
    text = Checkpoint("site.example/audit", 7, bytes(32)).text()
    cosigned = Note(text, (log.sign(text), officer.sign(text, 1_700_000_000)))
    assert cosigners(Note.decode(cosigned.encode()), [officer.verifier]) == {"officer.one": 1_700_000_000}
    other = Note(Checkpoint("site.example/audit", 8, bytes(32)).text(), cosigned.signatures)
    with pytest.raises(NoteError, match="does not hold"):
        cosigners(other, [officer.verifier])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"site.example/audit\n7\n\n",
        b"site.example/audit\n07\nAAAA\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"\xff\n\n\xe2\x80\x94 x AAAAAAAA\n",
        b"a\x07b\n\n\xe2\x80\x94 x AAAAAAAA\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: bytes) -> None:
    with pytest.raises(NoteError):
        open_checkpoint(text, Signer.generate("site.example/audit").verifier)


def test_a_checkpoint_of_another_log_or_key_is_refused() -> None:
    signer, other = Signer.generate("site.example/audit"), Signer.generate("other.example/audit")
    text = Checkpoint("site.example/audit", 0, EMPTY).text()
    for note in (Note(text, (other.sign(text),)), Note(text, ())):
        with pytest.raises(NoteError):
            open_checkpoint(note.encode(), signer.verifier)
    with pytest.raises(NoteError, match="of the log"):
        open_checkpoint(Note(text, (other.sign(text),)).encode(), other.verifier)
