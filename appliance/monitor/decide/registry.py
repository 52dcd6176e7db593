"""The registry of subjects: who exists, what they are cleared for and which roles they hold.

Takes effect only as a statement signed by two officers; the monitor loads nothing else.
"""

from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from appliance.enclave.site import Name, validated
from appliance.markings import Clearance, Label, MarkingError, marking_of, read_clearance
from appliance.markings.vocabulary import default, profiles
from appliance.monitor.decide.certificate_names import CertificateName, CertificateNames, contradiction

Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""A role: ``access.yml`` says which there are, by what each may do."""
Group = Name


def _read_clearance(text: str) -> Clearance:
    """The clearance by any profile: what a person holds is no matter of how a site marks its documents."""
    try:
        return read_clearance(text)
    except MarkingError:
        for profile in profiles():
            with suppress(MarkingError):
                return read_clearance(text, vocabulary=default(profile))
        raise


def _level(text: str) -> str:
    try:
        return _read_clearance(text).level
    except MarkingError as error:
        raise ValueError(str(error)) from error


def _known_control(token: str) -> str:
    try:
        marking_of(Label(level="TS", need=frozenset({token}), rel=frozenset({"USA"})))
    except MarkingError as error:
        # Whether a control stands on a marking of that level is another question than whether it exists.
        if any(violation.rule == "label-encoding" for violation in error.violations):
            raise ValueError(str(error)) from error
    return token


def _serial(text: str) -> str:
    try:
        return format(int(text.replace(":", ""), 16), "x")
    except ValueError as error:
        raise ValueError("not a certificate's serial number in hexadecimal") from error


def _known_nation(code: str) -> str:
    try:
        marking_of(Label(level="S", need=frozenset(), rel=frozenset({"USA", code})))
    except MarkingError as error:
        raise ValueError(str(error)) from error
    return code


class Subject(BaseModel):
    """A person, known by the common name of their certificate.

    Attributes:
        name: common name of the certificate.
        clearance: level, as a banner word, with controls if convenient (TOP SECRET//SI/TK); kept as U, CUI, C, S or TS.
        need: controls the person holds, for example ``SI``; all of an object's are required.
        nationalities: every nationality; each must be among those an object is releasable to.
        roles: roles of the person, which ``access.yml`` gives actions.
        groups: need-to-know groups that the person belongs to.
        expires: last day on which the entry is valid.
        revoked: serial numbers (hexadecimal) of certificates that no longer stand for the person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    clearance: Annotated[str, AfterValidator(_level)]
    need: tuple[Annotated[str, AfterValidator(_known_control)], ...] = ()
    nationalities: Annotated[tuple[Annotated[str, AfterValidator(_known_nation)], ...], Field(min_length=1)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    groups: tuple[Group, ...] = ()
    expires: date
    revoked: tuple[Annotated[str, AfterValidator(_serial)], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _holds_what_the_clearance_names(cls, data: Any) -> Any:
        """Controls that stand in the clearance are controls that the person holds."""
        text = data.get("clearance") if isinstance(data, dict) else None
        named = data.get("need", ()) if isinstance(data, dict) else ()
        if not isinstance(text, str) or "//" not in text or not isinstance(named, list | tuple):
            return data
        try:
            held = _read_clearance(text).need
        except MarkingError:
            return data  # the field itself refuses it, by name
        return data | {"need": [*named, *sorted(held - set(map(str, named)))]}

    def holds(self) -> Clearance:
        """The clearance as the lattice compares it."""
        return Clearance(level=self.clearance, need=frozenset(self.need), nationalities=frozenset(self.nationalities))

    def expired(self, now: datetime) -> bool:
        """Whether the entry's last day is over, in UTC."""
        return now.astimezone(UTC).date() > self.expires


class Registry(BaseModel):
    """All subjects of a site.

    Attributes:
        site: the site whose subjects these are.
        version: grows with every change; an older one never takes effect again.
        predecessor: SHA-256 of the payload of the subjects before these.
        subjects: the people who may work here.
        certificates: names in certificates that are not the subject's own name, as those of smart cards.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name | None = None
    version: Annotated[int, Field(ge=1)] = 1
    predecessor: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    subjects: tuple[Subject, ...]
    certificates: tuple[CertificateName, ...] = ()

    @model_validator(mode="after")
    def _means_one_subject_by_each_name(self) -> "Registry":
        if wrong := contradiction(self.certificates, (subject.name for subject in self.subjects)):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _names_once(self) -> "Registry":
        seen: set[str] = set()
        for subject in self.subjects:
            if subject.name in seen:
                raise ValueError(f"subject {subject.name!r} is registered twice")
            seen.add(subject.name)
        return self

    @cached_property
    def _by_name(self) -> dict[str, Subject]:
        return {subject.name: subject for subject in self.subjects}

    @cached_property
    def _by_certificate(self) -> dict[tuple[str, str], str]:
        return {entry.key: entry.subject for entry in self.certificates}

    def called(self, names: CertificateNames) -> frozenset[str]:
        """The subjects whom the table says that a certificate with these names is: one, none, or a contradiction."""
        table = self._by_certificate
        keys = (("common_name", names.common_name), *(("upn", text) for text in names.principals))
        return frozenset(table[key] for key in keys if key in table) if table else frozenset()

    def find(self, name: str) -> Subject | None:
        """The subject called ``name``, or None."""
        return self._by_name.get(name)


def parse_registry(data: Any, where: str = "subjects.yml") -> Registry:
    """Validate the data of ``subjects.yml``.

    Raises:
        ApplianceError: names the field and the rule.
    """
    return validated(Registry, data, where)
