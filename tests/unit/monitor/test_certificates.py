"""Certificates of every kind of brokenness: each stands for nobody, by its own rule."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from appliance.monitor.decide.identity import CertificateVerifier, IdentityError
from appliance.trust.certificates import make_authority
from appliance.trust.keys import generate

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ISSUER = make_authority(generate("ca", demo=True), now=NOW - timedelta(days=30))
OTHER = make_authority(generate("other", demo=True), now=NOW - timedelta(days=30))
AUTHORITY = CertificateVerifier(ISSUER.pem)
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
LEAF = x509.BasicConstraints(ca=False, path_length=None)
CA = x509.BasicConstraints(ca=True, path_length=0)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"x")
EMPTY = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def made(*names: str, key: Any = None, issuer: Any = ISSUER, digest: Any = None, **changes: Any) -> str:
    """A client certificate as the gateway passes it on."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names or ("anna",)]))
        .issuer_name(issuer.certificate.subject)
        .public_key((key or ec.generate_private_key(ec.SECP384R1())).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(changes.get("begin", NOW - timedelta(days=1)))
        .not_valid_after(changes.get("end", NOW + timedelta(days=1)))
    )
    for value, critical in changes.get("extensions", [(LEAF, True), (CLIENT, False)]):
        builder = builder.add_extension(value, critical)
    signed = builder.sign(issuer.key.private, digest or hashes.SHA384())
    return quote(signed.public_bytes(Encoding.PEM).decode())


def of_version(number: int) -> str:
    """A certificate whose version is not 3 (RFC 5280, section 4.1.2.1)."""
    der = x509.load_pem_x509_certificate(unquote(made()).encode()).public_bytes(Encoding.DER)
    changed = der.replace(b"\xa0\x03\x02\x01\x02", bytes([0xA0, 3, 2, 1, number]), 1)
    return quote(f"-----BEGIN CERTIFICATE-----\n{b64encode(changed).decode()}\n-----END CERTIFICATE-----")


BROKEN: dict[str, tuple[Callable[[], str], str]] = {
    "none": (lambda: "", "none"),
    "no PEM": (lambda: "hello", "unreadable"),
    "PEM of nothing": (lambda: quote(EMPTY), "unreadable"),
    "of version 49": (lambda: of_version(48), "unreadable"),
    "over-long": (lambda: "A" * 30_000, "unreadable"),
    "expired": (lambda: made(end=NOW - timedelta(hours=1)), "expired"),
    "not yet valid": (lambda: made(begin=NOW + timedelta(hours=1)), "not-yet-valid"),
    "of another authority": (lambda: made(issuer=OTHER), "foreign"),
    "for servers": (lambda: made(extensions=[(LEAF, True), (SERVER, False)]), "not-a-client"),
    "for nothing": (lambda: made(extensions=[(LEAF, True)]), "not-a-client"),
    "of an authority": (lambda: made(extensions=[(CA, True), (CLIENT, False)]), "not-a-client"),
    "with an unknown critical extension": (lambda: made(extensions=[(CLIENT, False), (UNKNOWN, True)]), "not-a-client"),
    "with two names": (lambda: made("anna", "root"), "name"),
    "with NUL in its name": (lambda: made("anna\x00root"), "name"),
    "with a space in its name": (lambda: made(" anna"), "name"),
    "with a long name": (lambda: made("a" * 60), "name"),
    "in capitals": (lambda: made("ANNA"), "name"),
    "with RSA 1024": (lambda: made(key=rsa.generate_private_key(65537, 1024)), "weak"),  # noqa: S505
    "with P-192": (lambda: made(key=ec.generate_private_key(ec.SECP192R1())), "weak"),
    "signed with SHA-224": (lambda: made(digest=hashes.SHA224()), "weak"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_certificate_stands_for_nobody(kind: str) -> None:
    make, rule = BROKEN[kind]
    with pytest.raises(IdentityError) as refused:
        AUTHORITY.identify(make(), NOW)
    assert refused.value.rule == f"identity.{rule}"


def test_keys_of_a_site_s_own_authority_are_accepted() -> None:
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ):
        assert AUTHORITY.identify(made(key=key), NOW).name == "anna"


def test_a_certificate_counts_by_the_clock_of_each_request() -> None:
    certificate = made()
    assert AUTHORITY.identify(certificate, NOW).name == "anna"
    for jump in (timedelta(days=2), timedelta(days=-2), timedelta(days=4000)):
        with pytest.raises(IdentityError):
            AUTHORITY.identify(certificate, NOW + jump)


GOOD = made()


@given(st.data())
def test_a_certificate_with_any_character_changed_names_nobody_else(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(GOOD) - 1))
    changed = GOOD[:place] + data.draw(st.characters(codec="ascii")) + GOOD[place + 1 :]
    try:
        identity = AUTHORITY.identify(changed, NOW)
    except IdentityError:
        return
    assert identity == AUTHORITY.identify(GOOD, NOW), "only what reads the same is accepted"
