"""The registry of subjects: who exists, what they are cleared for and which roles they hold.

Takes effect only as a statement signed by two officers; the monitor loads nothing else.
"""

from datetime import UTC, date, datetime
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from appliance.enclave.site import Name, validated
from appliance.markings import Clearance, Label, MarkingError, marking_of, parse

Role = Literal["annotator", "evaluator", "analyst", "model-owner", "certifier", "officer"]
Group = Name


def _level(text: str) -> str:
    try:
        marking = parse(text)
    except MarkingError as error:
        raise ValueError(str(error)) from error
    return marking.label.level


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
        clearance: level, as a banner word; kept as U, CUI, C, S or TS.
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

    def holds(self) -> Clearance:
        """The clearance as the lattice compares it."""
        return Clearance(level=self.clearance, need=frozenset(self.need), nationalities=frozenset(self.nationalities))

    def expired(self, now: datetime) -> bool:
        """Whether the entry's last day is over, in UTC."""
        return now.astimezone(UTC).date() > self.expires


class Registry(BaseModel):
    """All subjects of a site.

    Attributes:
        version: grows with every change; an older one never takes effect again.
        subjects: the people who may work here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[int, Field(ge=1)] = 1
    subjects: tuple[Subject, ...]

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

    def find(self, name: str) -> Subject | None:
        """The subject called ``name``, or None."""
        return self._by_name.get(name)


def parse_registry(data: Any, where: str = "subjects.yml") -> Registry:
    """Validate the data of ``subjects.yml``.

    Raises:
        ApplianceError: names the field and the rule.
    """
    return validated(Registry, data, where)
