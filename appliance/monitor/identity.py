"""Identity: from the client certificate that the gateway passed on to who it stands for.

The certificate itself is judged here, not a fingerprint of it and not the gateway's opinion of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.errors import ApplianceError

WORKLOAD = "service:"


class IdentityError(ApplianceError):
    """The certificate stands for nobody here; ``rule`` says why."""


@dataclass(frozen=True)
class Identity:
    """Who a certificate names.

    Attributes:
        name: common name.
        enclave: for a workload, the enclave it belongs to (organization); otherwise empty.
        serial: serial number, hexadecimal.
        fingerprint: SHA-256 of the certificate, hexadecimal.
        not_before: start of validity.
        not_after: end of validity.
    """

    name: str
    enclave: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime

    @property
    def workload(self) -> str:
        """The service, when the certificate is a workload's; otherwise empty."""
        return self.name.removeprefix(WORKLOAD) if self.name.startswith(WORKLOAD) else ""


class Authority:
    """The site's certificate authority, whose signature is the only accepted one.

    Args:
        pem: the CA certificate.
    """

    def __init__(self, pem: bytes) -> None:
        self._ca = x509.load_pem_x509_certificate(pem)
        self._read = lru_cache(maxsize=4096)(self._read_uncached)

    def identify(self, escaped_pem: str, now: datetime) -> Identity:
        """Who the URL-escaped PEM certificate of a request stands for.

        Raises:
            IdentityError: there is none, it cannot be read, another CA made it, it is not a client's, or its time is
                over or not come.
        """
        if not escaped_pem:
            raise IdentityError("no client certificate", rule="identity.none")
        identity = self._read(escaped_pem)
        if not identity.not_before <= now <= identity.not_after:
            raise IdentityError(
                f"the certificate of {identity.name} is valid from {identity.not_before:%Y-%m-%d} "
                f"to {identity.not_after:%Y-%m-%d}",
                rule="identity.expired",
            )
        return identity

    def _read_uncached(self, escaped_pem: str) -> Identity:
        try:
            certificate = x509.load_pem_x509_certificate(unquote(escaped_pem).encode())
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
            raise IdentityError("the client certificate cannot be read", rule="identity.unreadable") from error
        try:
            certificate.verify_directly_issued_by(self._ca)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise IdentityError("another authority made the client certificate", rule="identity.foreign") from error
        if ExtendedKeyUsageOID.CLIENT_AUTH not in usage or len(names) != 1:
            raise IdentityError("the certificate is not a client's", rule="identity.not-a-client")
        return Identity(
            name=str(names[0].value),
            enclave=str(organizations[0].value) if organizations else "",
            serial=format(certificate.serial_number, "x"),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before=certificate.not_valid_before_utc.astimezone(UTC),
            not_after=certificate.not_valid_after_utc.astimezone(UTC),
        )
