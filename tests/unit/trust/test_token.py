"""A person's ECDSA key stays in a PKCS#11 token; whatever is wrong with the token is one clear refusal."""

from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters
from typer.testing import CliRunner

from appliance.bundle.read.verify import verify_bundle
from appliance.cli.main import app
from appliance.errors import ApplianceError
from appliance.trust.ceremony import initialise
from appliance.trust.officers import load_signed
from appliance.trust.people import load_people, load_signing_key
from appliance.trust.token import TokenError, TokenUri, explain
from tests.unit.bundle.sample import fill, make_keys
from tests.unit.trust.softhsm import MODULE, PIN, make_tokens, tool

URI = "pkcs11:token=anna"


@pytest.fixture(autouse=True)
def _tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tokens(tmp_path / "softhsm", monkeypatch, "anna", "bert")
    monkeypatch.setenv("APPLIANCE_PASSPHRASE", "several random words")


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def enrol(folder: Path, uri: str = URI, name: str = "anna") -> Path:
    run("keys", "new", name, "--out", folder, "--token", uri)
    return folder / f"{name}.token"


def make_key(curve: str, label: str) -> None:
    """A key that the holder made before, with another tool."""
    with pkcs11.lib(MODULE).get_token(token_label="anna").open(user_pin=PIN, rw=True) as session:
        parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
        domain = session.create_domain_parameters(KeyType.EC, parameters, local=True)
        domain.generate_keypair(store=True, label=label, id=label.encode())


def test_a_bundle_signed_by_a_person_with_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIANCE_PASSPHRASE")
    keys = make_keys(tmp_path / "keys")
    root, bundle, request = tmp_path / "keys/root", tmp_path / "bundle", tmp_path / "request.json"
    fill(bundle, keys.builder, model_size=10)
    phrase = tmp_path / "phrase"
    phrase.write_text("several random words")
    secret = ("--passphrase-file", phrase, "--yes")
    run("keys", "new", "anna", "--out", tmp_path / "anna", "--token", URI, *secret[:2])
    run("keys", "change", root, "--remove", "DEMO-c", "--add", tmp_path / "anna/anna.pub", "--out", request)
    for name in ("a", "b", "a"):
        run("keys", "sign", request, "--key", tmp_path / f"keys/people/DEMO-{name}.pem", "--yes")
    run("keys", "finish", request, "--root", root)

    run("bundle", "request", bundle, "--root", root, "--out", request)
    run("keys", "sign", request, "--key", tmp_path / "anna/anna.token", *secret)
    run("keys", "sign", request, "--key", tmp_path / "keys/people/DEMO-a.pem", "--yes")
    run("keys", "sign", request, "--key", tmp_path / "anna/anna.token", *secret)
    run("bundle", "seal", bundle, request)
    assert verify_bundle(bundle, keys.fingerprint)[1].signers["hybrid"] == ("DEMO-a", "anna")


def test_the_private_key_cannot_leave_the_token(tmp_path: Path) -> None:
    enrol(tmp_path / "anna")
    with pkcs11.lib(MODULE).get_token(token_label="anna").open(user_pin=PIN) as session:
        key = session.get_key(ObjectClass.PRIVATE_KEY, KeyType.EC, label="anna")
        assert key[Attribute.SENSITIVE]
        assert not key[Attribute.EXTRACTABLE]
        assert key[Attribute.NEVER_EXTRACTABLE]
    assert not (tmp_path / "anna/anna.pem").exists()
    for file in (tmp_path / "anna").iterdir():
        assert PIN not in file.read_text()


def test_a_key_that_the_token_has_already_is_enrolled(tmp_path: Path) -> None:
    make_key("secp384r1", "mine")
    key = load_signing_key(enrol(tmp_path / "anna", f"{URI};object=mine"))
    assert key.name == "anna"
    assert key.public.verifies(key.sign(b"x"), b"x")
    assert (tmp_path / "anna/anna.pub").read_text() == key.public.keyval["public"]


def test_people_are_loaded_from_tokens_and_files_alike(tmp_path: Path) -> None:
    enrol(tmp_path / "people")
    run("keys", "new", "carl", "--out", tmp_path / "people")
    people = load_people(tmp_path / "people", ["anna", "carl"])
    for person in people:
        assert all(key.public.verifies(key.sign(b"x"), b"x") for key in (person.classical, person.quantum_safe))


def test_officers_sign_with_tokens(tmp_path: Path) -> None:
    people = {"people": ["a", "b"], "officers": ["o", "p"], "certifiers": ["e"]}
    initialise(tmp_path / "keys", **people, threshold=2, passphrase=None)
    tokens = [enrol(tmp_path / name, f"pkcs11:token={name}", name) for name in ("anna", "bert")]
    officers, access = tmp_path / "officers.json", Path(__file__).parents[3] / "policies/access.yml"
    listed = [word for token in tokens for word in ("--officer", token.with_suffix(".pub"))]
    run("site", "officers", officers, *listed, "--ca", tmp_path / "keys/ca/ca.pem")
    signing = [word for token in tokens for word in ("--key", token)]
    run("site", "sign", access, "--kind", "access", *signing, "--officers", officers, "--out", tmp_path / "site")
    assert load_signed(tmp_path / "site/access.dsse.json", officers, "access")


def test_a_pin_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIANCE_PIN")
    (tmp_path / "pin").write_text(f"{PIN}\n")
    token = enrol(tmp_path / "anna", f"{URI}?pin-source=file:{tmp_path}/pin&module-path={MODULE}")
    assert load_signing_key(token).sign(b"x")


@pytest.mark.parametrize(
    ("uri", "finding"),
    [
        ("pkcs11:token=nobody", "no such token is inserted"),
        ("pkcs11:token=anna;object=other", "holds no such ECDSA key"),
        ("pkcs11:token=anna;serial=0000", "no such token is inserted"),
        ("pkcs11:token=anna?module-path=/nonexistent.so", "/nonexistent.so: not a PKCS#11 module"),
        ("pkcs11:token=anna?module-path=/etc/passwd", "/etc/passwd: not a PKCS#11 module"),
        ("pkcs11:token=anna?pin-source=/nonexistent", "/nonexistent: missing"),
        ("pkcs11:token=anna?pin-value=1234567", "the PIN stands in the URI"),
        ("pkcs11:object=anna", "names no token"),
        ("pkcs11:token=anna;colour=red", "is not the URI of a token: colour"),
        ("pkcs11:token=anna;token=bert", "is not the URI of a token"),
        ("anna", "is not the URI of a token"),
    ],
)
def test_a_token_that_cannot_be_used(tmp_path: Path, uri: str, finding: str) -> None:
    with pytest.raises(ApplianceError, match=finding):
        enrol(tmp_path / "anna", uri)
    assert not list((tmp_path / "anna").glob("*"))


def test_a_wrong_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = enrol(tmp_path / "anna")
    monkeypatch.setenv("APPLIANCE_PIN", "7654321")
    with pytest.raises(TokenError, match="the PIN is wrong") as refusal:
        load_signing_key(token)
    assert "locks itself" in refusal.value.remedy


def test_no_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIANCE_PIN")
    with pytest.raises(TokenError, match="no PIN was given"):
        enrol(tmp_path / "anna")


def test_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPLIANCE_PKCS11_MODULE")
    with pytest.raises(TokenError, match="module is not known"):
        enrol(tmp_path / "anna")


def test_a_locked_token_is_explained() -> None:
    """SoftHSM never locks, so this is the library's error as a token of hardware would cause it."""
    explained = explain(pkcs11.exceptions.PinLocked(), TokenUri.parse(URI))
    assert "locked after too many wrong PINs" in explained.message
    assert "PUK" in explained.remedy


def test_a_key_on_another_curve(tmp_path: Path) -> None:
    make_key("secp256r1", "short")
    with pytest.raises(TokenError, match="another curve than P-384"):
        enrol(tmp_path / "anna", f"{URI};object=short")


def test_two_keys_of_one_name(tmp_path: Path) -> None:
    make_key("secp384r1", "twin")
    make_key("secp384r1", "twin")
    with pytest.raises(TokenError, match="several of its keys"):
        enrol(tmp_path / "anna", f"{URI};object=twin")


def test_two_tokens_of_one_name(tmp_path: Path) -> None:
    tool("--init-token", "--free", "--label", "anna", "--so-pin", PIN, "--pin", PIN)
    with pytest.raises(TokenError, match="several tokens have that name"):
        enrol(tmp_path / "anna")


def test_a_key_in_the_token_is_never_overwritten(tmp_path: Path) -> None:
    enrol(tmp_path / "anna")
    with pytest.raises(ApplianceError, match="exists already"):
        enrol(tmp_path / "anna")
    with pytest.raises(TokenError, match="holds a key named anna already"):
        enrol(tmp_path / "again")


def test_a_token_that_was_taken_out(tmp_path: Path) -> None:
    key = load_signing_key(enrol(tmp_path / "anna"))
    tool("--delete-token", "--token", "anna")
    with pytest.raises(TokenError, match="no such token is inserted"):
        key.sign(b"x")


def test_another_token_of_the_same_name(tmp_path: Path) -> None:
    token = enrol(tmp_path / "anna")
    tool("--delete-token", "--token", "anna")
    tool("--init-token", "--free", "--label", "anna", "--so-pin", PIN, "--pin", PIN)
    with pytest.raises(TokenError, match="no such token is inserted"):
        load_signing_key(token)


def test_halves_that_do_not_belong_together(tmp_path: Path) -> None:
    make_key("secp384r1", "one")
    make_key("secp384r1", "two")
    with pkcs11.lib(MODULE).get_token(token_label="anna").open(user_pin=PIN, rw=True) as session:
        halves = {kind: session.get_key(kind, KeyType.EC, label="two") for kind in ObjectClass if kind in {2, 3}}
        halves[ObjectClass.PRIVATE_KEY].destroy()
        session.get_key(ObjectClass.PUBLIC_KEY, KeyType.EC, label="one").destroy()
        halves[ObjectClass.PUBLIC_KEY][Attribute.LABEL] = "one"
        halves[ObjectClass.PUBLIC_KEY][Attribute.ID] = b"one"
    with pytest.raises(TokenError, match="don't belong together"):
        enrol(tmp_path / "anna", f"{URI};object=one")


def test_a_file_that_names_no_key(tmp_path: Path) -> None:
    (tmp_path / "anna.token").write_text("Holder: anna\n")
    with pytest.raises(ApplianceError, match="does not name a key in a token"):
        load_signing_key(tmp_path / "anna.token")
