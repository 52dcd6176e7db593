"""Names in certificates of smart cards (CAC, PIV), and the officers' table that says which subject each one is.

A name matches by its exact characters. What could be taken for another name is refused when the table is read.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from appliance.enclave.site import Name
from appliance.markings.vocabulary import default

SITE_FORM = re.compile(r"(service:)?[a-z][a-z0-9-]{0,30}")
"""The form of a common name that stands for the subject, or the service, of that name."""

PRINCIPAL = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""The user principal name (UPN) among the other names of a certificate; a UTF8String."""

UTF8_STRING, SHORT = 0x0C, 0x80
PERSON_NUMBER = re.compile(r"[0-9]{10,}")
"""The number of a person on their card: 10 digits on a CAC, 16 in the UPN of a PIV card."""

ESCAPED = re.compile(r"\\|\A\s*CN\s*=", re.IGNORECASE)


class PrincipalError(ValueError):
    """A user principal name that is no UTF8String."""


@dataclass(frozen=True)
class CertificateNames:
    """What a certificate calls its holder.

    Attributes:
        common_name: its one common name, decoded.
        principals: its user principal names.
    """

    common_name: str
    principals: tuple[str, ...] = ()


def principals(certificate: x509.Certificate) -> tuple[str, ...]:
    """The user principal names of a certificate.

    Raises:
        PrincipalError: one is no UTF8String.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    others = names.get_values_for_type(x509.OtherName)
    return tuple(_utf8(other.value) for other in others if other.type_id == PRINCIPAL)


def _utf8(der: bytes) -> str:
    """The text of a DER UTF8String of less than 128 bytes (X.690, 8.1.3.4); a longer one is none that a table holds."""
    if len(der) < 2 or der[0] != UTF8_STRING or der[1] >= SHORT or der[1] != len(der) - 2:
        raise PrincipalError("a user principal name is no UTF8String of less than 128 bytes")
    try:
        return der[2:].decode()
    except UnicodeDecodeError as error:
        raise PrincipalError("a user principal name is not UTF-8") from error


def common_names(certificate: x509.Certificate) -> list[str | bytes]:
    """Every common name of a certificate."""
    return [attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _plain(text: str) -> str:
    """Refuse a name that people could read as another one."""
    if ESCAPED.search(text):
        raise ValueError("write the name itself, without CN= and without escapes: a comma stands as a comma")
    if text != unicodedata.normalize("NFC", text) or any(unicodedata.category(c)[0] == "C" for c in text):
        raise ValueError("the name has characters that are not seen, or is not in Unicode normalization form C")
    if text != " ".join(text.split()):
        raise ValueError("the name begins or ends with a space, or has two together")
    if len(scripts := {unicodedata.name(c, "?").split(" ")[0] for c in text if c.isalpha()}) > 1:
        raise ValueError(f"the name mixes letters of several alphabets: {', '.join(sorted(scripts))}")
    return text


Foreign = Annotated[str, Field(min_length=1, max_length=127), AfterValidator(_plain)]


class CertificateName(BaseModel):
    """One name in certificates that stands for a subject; exactly one of the two names is given.

    Attributes:
        subject: the registered subject.
        common_name: the common name of their certificate, as it stands there: ``DOE.JOHN.Q.1234567890``.
        upn: the user principal name of their certificate: ``1234567890@mil``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Name
    common_name: Foreign | None = None
    upn: Annotated[Foreign, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "CertificateName":
        if (self.common_name is None) == (self.upn is None):
            raise ValueError("an entry gives a common_name or a upn")
        if self.common_name is not None and SITE_FORM.fullmatch(self.common_name):
            raise ValueError(f"common_name {self.common_name!r} already stands for the subject of that very name")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """Kind and text of the name."""
        return ("common_name", self.common_name) if self.common_name is not None else ("upn", self.upn or "")


def look(text: str) -> str:
    """What a name looks like: without case, compatibility forms and letters that look like Latin ones (UTS 39)."""
    capitals = unicodedata.normalize("NFKC", text).upper().translate(default().look_alikes)
    return " ".join(capitals.casefold().split())


def contradiction(entries: Iterable[CertificateName], registered: Iterable[str]) -> str:
    """What is wrong with a table beside its single entries; empty when it is clear whom each entry means."""
    known = {*registered}
    looks: dict[tuple[str, str], CertificateName] = {}
    numbers: dict[str, str] = {}
    for number, entry in enumerate(entries):
        (kind, text), place = entry.key, f"certificates.{number}"
        if entry.subject not in known:
            return f"{place}: nobody is registered as {entry.subject!r}"
        seen = looks.setdefault((kind, look(text)), entry)
        if seen is not entry:
            return f"{place}: {text!r} stands there twice, or looks like {seen.key[1]!r} of {seen.subject}"
        shadowed = look(text)
        if shadowed.startswith("service:") or (shadowed in known and shadowed != entry.subject):
            return f"{place}: {text!r} looks like the name of another: {shadowed}"
        for digits in PERSON_NUMBER.findall(shadowed):
            if numbers.setdefault(digits, entry.subject) != entry.subject:
                return f"{place}: {digits} is a number of {numbers[digits]}, and a person is one subject"
    return ""
