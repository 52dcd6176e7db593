"""The end of a renewal's overlap: once a person signs in with a renewed certificate, the old one counts for some days.

A certificate renews another of the same person if its validity begins in the second half of the other's. Two that were
issued at about the same time are for two workstations, and neither ends the other.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from appliance.monitor.decide.identity import Identity, IdentityError
from appliance.monitor.decide.registry import Subject
from appliance.trust.files import replace_file

SUPERSEDED = "identity.superseded"
log = structlog.get_logger()


class Used(BaseModel):
    """A certificate with which a session was opened.

    Attributes:
        begins: start of its validity, in seconds since the epoch.
        ends: end of its validity.
        first: when the first session was opened with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    begins: float
    ends: float
    first: float


_Certificates = TypeAdapter(dict[str, dict[str, Used]])


class Renewals:
    """The certificates that each person has used, by serial number.

    Args:
        file: where they are kept; begins empty when absent, or when it cannot be read. None keeps nothing.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._used: dict[str, dict[str, Used]] = {}
        try:
            self._used = _Certificates.validate_json(file.read_bytes()) if file else {}
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as error:
            log.error("what was known of renewals is lost", file=str(file), problem=str(error))  # noqa: TRY400

    def until(self, identity: Identity, subject: Subject, days: int) -> datetime | None:
        """Until the end of which day (UTC) the certificate is accepted, because it was renewed; None if it was not.

        Args:
            identity: the certificate.
            subject: its person, whose revoked certificates renew nothing.
            days: how long an overlap is.
        """
        middle = identity.not_before + (identity.not_after - identity.not_before) / 2
        begun = [
            used.first
            for serial, used in self._used.get(identity.name, {}).items()
            if used.begins > middle.timestamp() and serial != identity.serial and serial not in subject.revoked
        ]
        if not begun:
            return None
        last = datetime.fromtimestamp(min(begun), UTC) + timedelta(days=days)
        return last.replace(hour=23, minute=59, second=59, microsecond=0)

    def require_current(self, identity: Identity, subject: Subject, days: int, now: datetime) -> None:
        """Refuse a certificate whose overlap with its renewal is over.

        Raises:
            IdentityError: it is; the message is for the person.
        """
        until = self.until(identity, subject, days)
        if until is not None and now > until:
            raise IdentityError(
                f"your certificate {identity.serial} was renewed, and was accepted beside the new one until"
                f" {until:%Y-%m-%d}: use the new one, or ask a security officer",
                rule=SUPERSEDED,
                name=identity.name,
            )

    def renews(self, identity: Identity) -> list[str]:
        """Serial numbers of the certificates whose overlap begins now, with the first session of this one."""
        known = self._used.get(identity.name, {})
        if identity.serial in known:
            return []
        begins = identity.not_before.timestamp()
        return [serial for serial, used in known.items() if begins > (used.begins + used.ends) / 2]

    def note(self, identity: Identity, now: datetime) -> None:
        """A session was opened with the certificate."""
        known = self._used.get(identity.name, {})
        if identity.serial in known:
            return
        seconds = now.timestamp()
        self._used[identity.name] = {serial: used for serial, used in known.items() if used.ends >= seconds} | {
            identity.serial: Used(
                begins=identity.not_before.timestamp(), ends=identity.not_after.timestamp(), first=seconds
            )
        }
        if self._file:
            replace_file(self._file, json.dumps(_Certificates.dump_python(self._used)).encode())
