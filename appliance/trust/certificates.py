"""The site's own offline certificate authority: ECDSA P-384, TLS server and client certificates, nothing more.

Names: a subject's certificate has ``CN=<subject>``; a workload's ``CN=service:<service>, O=<enclave>``; a gateway's
``CN=<hostname>, O=<enclave>``. Certificates of a demonstration carry ``OU=DEMO``.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.errors import ApplianceError
from appliance.trust.keys import DEMO, PrivateKey, load_private_key, mark, write_private

SKEW = timedelta(minutes=5)
DEFAULT_DAYS = 365
AUTHORITY_DAYS = 3650
UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for a certificate that is not one; not all of them are a ValueError."""


PEM_RULE = "a certificate is a file in PEM that begins with -----BEGIN CERTIFICATE-----"


class CertificateError(ApplianceError):
    """A certificate cannot be issued or read."""


@dataclass(frozen=True)
class CertificateAuthority:
    """The site's certificate authority, opened."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate's DER, hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, which exists nowhere else."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key in unencrypted PEM."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pkcs12(self, name: str, authority: x509.Certificate, passphrase: bytes) -> bytes:
        """Certificate, key and authority in one file, for a browser."""
        encryption = serialization.BestAvailableEncryption(passphrase)
        return pkcs12.serialize_key_and_certificates(
            name.encode(), self.private, self.certificate, [authority], encryption
        )

    def write(self, folder: Path, name: str) -> None:
        """Write ``<name>.pem`` and ``<name>.key`` into ``folder``, which must not have them."""
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / f"{name}.key", self.key_pem)
        (folder / f"{name}.pem").write_bytes(self.pem)


def make_authority(key: PrivateKey, *, now: datetime | None = None) -> CertificateAuthority:
    """A self-signed authority for ``key``, valid ten years, that can only sign end certificates."""
    begin = (now or datetime.now(UTC)) - SKEW
    public = _public(key)
    name = _name(mark("site authority", demo=key.demo), "MLS appliance", demo=key.demo)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(_private(key), hashes.SHA384())
    )
    return CertificateAuthority(certificate=certificate, key=key)


def load_authority(folder: Path, passphrase: bytes | None = None) -> CertificateAuthority:
    """Open the authority in ``folder`` (``ca.pem``, ``ca.key``).

    Raises:
        ApplianceError: absent, the passphrase is wrong, or key and certificate don't belong together.
    """
    certificate = read_certificate(folder / "ca.pem")
    key = load_private_key(folder / "ca.key", (lambda _: passphrase) if passphrase is not None else None)
    if certificate.public_key() != key.private.public_key():
        raise CertificateError(f"{folder}: ca.key is not the key of ca.pem", remedy="use the folder of `keys init`")
    return CertificateAuthority(certificate=certificate, key=key)


def read_certificate(path: Path) -> x509.Certificate:
    """Read one certificate in PEM.

    Raises:
        CertificateError: absent or not a certificate.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise CertificateError(
            f"{path}: cannot be read: {error.strerror}", rule=PEM_RULE, remedy="name the certificate"
        ) from error
    except UNREADABLE as error:
        raise CertificateError(
            f"{path}: not a certificate in PEM", rule=PEM_RULE, remedy="name the .pem file"
        ) from error


def issue_client(
    authority: CertificateAuthority,
    common_name: str,
    *,
    organisation: str | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Issued:
    """A client certificate for a subject, or for a workload (``service:<name>``, organisation = enclave).

    Args:
        authority: who signs.
        common_name: the subject's registered name.
        organisation: the enclave, for workloads.
        not_before: begin of validity; by default five minutes ago.
        not_after: end of validity; by default one year after the begin.
    """
    return _issue(
        authority, _name(common_name, organisation, demo=authority.key.demo), (not_before, not_after), server=None
    )


def issue_server(
    authority: CertificateAuthority,
    hostname: str,
    *,
    enclave: str,
    addresses: tuple[str, ...] = (),
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Issued:
    """A server certificate for an enclave's gateway: its hostname, ``gateway.internal`` and its addresses."""
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName(hostname),
            x509.DNSName("gateway.internal"),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
    )
    subject = _name(hostname, enclave, demo=authority.key.demo)
    return _issue(authority, subject, (not_before, not_after), server=names)


def _issue(
    authority: CertificateAuthority,
    subject: x509.Name,
    validity: tuple[datetime | None, datetime | None],
    *,
    server: x509.SubjectAlternativeName | None,
) -> Issued:
    private = ec.generate_private_key(ec.SECP384R1())
    begin = validity[0] or datetime.now(UTC) - SKEW
    end = validity[1] or begin + timedelta(days=DEFAULT_DAYS)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(_public(authority.key)),
            critical=False,
        )
    )
    if server:
        builder = builder.add_extension(server, critical=False)
    return Issued(certificate=builder.sign(_private(authority.key), hashes.SHA384()), private=private)


def _name(common_name: str, organisation: str | None, *, demo: bool) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    if demo:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, DEMO))
    try:
        return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as error:
        raise CertificateError(
            f"{common_name!r} cannot be a certificate's name: {error}",
            rule="names have at most 64 characters (X.520)",
            remedy="take a shorter name",
        ) from error


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key.private, ec.EllipticCurvePrivateKey):
        raise CertificateError("the authority's key is not ECDSA", rule="TLS certificates here are ECDSA P-384")
    return key.private


def _public(key: PrivateKey) -> ec.EllipticCurvePublicKey:
    return _private(key).public_key()
