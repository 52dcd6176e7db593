"""Identity: from the client certificate that the gateway passed on to who it stands for.

The certificate itself is judged here, not a fingerprint of it and not the gateway's opinion of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.errors import ApplianceError
from appliance.monitor.decide.certificate_names import (
    SITE_FORM,
    CertificateNames,
    PrincipalError,
    common_names,
    principals,
)
from appliance.trust.certificates import UNREADABLE

WORKLOAD = "service:"
RENEWAL = timedelta(days=30)
MAXIMUM_ESCAPED = 24 * 1024
# What a client certificate may hold that its reader must understand (RFC 5280, section 4.2).
UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)


class IdentityError(ApplianceError):
    """The certificate stands for nobody here; ``rule`` says why.

    Args:
        message: what is wrong.
        rule: the rule that refuses it.
        name: whom the site's own authority wrote into it, where it did.
    """

    def __init__(self, message: str, *, rule: str, name: str = "") -> None:
        super().__init__(message, rule=rule)
        self.name = name


@dataclass(frozen=True)
class Identity:
    """Who a certificate names.

    Attributes:
        name: the subject, or service:<name>: the common name, or whom the officers' table says that it is; empty until
            the table was asked.
        enclave: for a workload, the enclave it belongs to (organization); otherwise empty.
        serial: serial number, hexadecimal.
        fingerprint: SHA-256 of the certificate, hexadecimal.
        not_before: start of validity.
        not_after: end of validity.
        names: what the certificate calls its holder.
    """

    name: str
    enclave: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    names: CertificateNames

    def expires_soon(self, now: datetime) -> bool:
        """Whether it is time to renew the certificate."""
        return self.not_after - now < RENEWAL

    @property
    def workload(self) -> str:
        """The service, when the certificate is a workload's; otherwise empty."""
        return self.name.removeprefix(WORKLOAD) if self.name.startswith(WORKLOAD) else ""


Table = Callable[[CertificateNames], frozenset[str]]
"""Says which subjects a certificate's names are, by what two officers signed."""


def _nobody(_: CertificateNames) -> frozenset[str]:
    return frozenset()


class CertificateVerifier:
    """The site's certificate authority, whose signature is the only accepted one.

    Args:
        pem: the CA certificate.
    """

    def __init__(self, pem: bytes) -> None:
        self._ca = x509.load_pem_x509_certificate(pem)
        self._read = lru_cache(maxsize=4096)(self._read_uncached)

    def identify(self, escaped_pem: str, now: datetime, table: Table = _nobody) -> Identity:
        """Who the URL-escaped PEM certificate of a request stands for.

        Args:
            escaped_pem: the certificate.
            now: the time.
            table: whom names in another form than the site's mean.

        Raises:
            IdentityError: there is none, it cannot be read, another CA made it, it is not a client's, its names mean
                nobody or several, or its time is over or not come.
        """
        if not escaped_pem:
            raise IdentityError("no client certificate", rule="identity.none")
        identity = _named(self._read(escaped_pem), table)
        if now < identity.not_before:
            raise IdentityError(
                f"the certificate of {identity.name} is not valid before {identity.not_before:%Y-%m-%d %H:%M} UTC,"
                f" and it is {now:%Y-%m-%d %H:%M}",
                rule="identity.not-yet-valid",
                name=identity.name,
            )
        if now > identity.not_after:
            raise IdentityError(
                f"the certificate of {identity.name} is valid from {identity.not_before:%Y-%m-%d} "
                f"to {identity.not_after:%Y-%m-%d}",
                rule="identity.expired",
                name=identity.name,
            )
        return identity

    def _read_uncached(self, escaped_pem: str) -> Identity:
        if len(escaped_pem) > MAXIMUM_ESCAPED:
            raise IdentityError("the client certificate is over-long", rule="identity.unreadable")
        try:
            certificate = x509.load_pem_x509_certificate(unquote(escaped_pem).encode())
            names, others = common_names(certificate), principals(certificate)
            organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
            extensions = list(certificate.extensions)
            key = certificate.public_key()
        except PrincipalError as error:
            raise IdentityError(f"the client certificate: {error}", rule="identity.unreadable") from error
        except UNREADABLE as error:
            raise IdentityError("the client certificate cannot be read", rule="identity.unreadable") from error
        try:
            certificate.verify_directly_issued_by(self._ca)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise IdentityError("another authority made the client certificate", rule="identity.foreign") from error
        _check_use(extensions)
        _check_strength(certificate, key)
        if len(names) != 1:
            raise IdentityError(f"the certificate has {len(names)} common names instead of one", rule="identity.name")
        if not isinstance(names[0], str):
            raise IdentityError("the common name of the certificate is no text", rule="identity.name")
        return Identity(
            name=names[0] if SITE_FORM.fullmatch(names[0]) else "",
            enclave=str(organizations[0].value) if len(organizations) == 1 else "",
            serial=format(certificate.serial_number, "x"),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before=certificate.not_valid_before_utc.astimezone(UTC),
            not_after=certificate.not_valid_after_utc.astimezone(UTC),
            names=CertificateNames(names[0], others),
        )


def _named(identity: Identity, table: Table) -> Identity:
    """The identity with the one subject, or service, whom all of its names mean."""
    meant = table(identity.names)
    if identity.name:
        meant |= {identity.name}
    if len(meant) > 1:
        raise IdentityError(
            f"the names of the certificate mean several: {', '.join(sorted(meant))}; certificates in subjects.yml, and"
            " the authority, must agree on one",
            rule="identity.ambiguous",
        )
    if not meant:
        raise IdentityError(
            f"the common name {identity.names.common_name[:64]!r} is not in the form of this site (a lower-case letter,"
            " then at most 30 lower-case letters, digits and hyphens, as in subjects.yml), and no entry of certificates"
            " in subjects.yml says whose it is; have two officers sign one, as {subject: doe-john, common_name:"
            " DOE.JOHN.Q.1234567890}, or have the authority issue a certificate with the subject's name",
            rule="identity.name",
        )
    return identity if identity.name else replace(identity, name=next(iter(meant)))


def _check_use(extensions: list[x509.Extension[x509.ExtensionType]]) -> None:
    """Refuse a certificate that is not, or not only, an end entity's for client authentication (RFC 5280, 4.2.1)."""
    values = {type(extension.value): extension.value for extension in extensions}
    constraints, usage = values.get(x509.BasicConstraints), values.get(x509.KeyUsage)
    purposes = values.get(x509.ExtendedKeyUsage)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise IdentityError("the certificate is an authority's", rule="identity.not-a-client")
    if isinstance(usage, x509.KeyUsage) and (usage.key_cert_sign or not usage.digital_signature):
        raise IdentityError("the certificate's key is not for signing in", rule="identity.not-a-client")
    if not isinstance(purposes, x509.ExtendedKeyUsage) or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise IdentityError("the certificate is not a client's", rule="identity.not-a-client")
    if any(extension.critical and not isinstance(extension.value, UNDERSTOOD) for extension in extensions):
        raise IdentityError("a critical extension is not understood", rule="identity.not-a-client")


def _check_strength(certificate: x509.Certificate, key: object) -> None:
    """Refuse keys and signatures that NIST SP 800-131A no longer allows: under 112 bits, or SHA-1 and MD5."""
    strong = (
        (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256)
        or isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    )
    signed_with = certificate.signature_hash_algorithm
    if not strong or (signed_with is not None and signed_with.digest_size < 32):
        raise IdentityError("the certificate's key or signature is weak", rule="identity.weak")
