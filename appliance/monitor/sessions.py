"""Sessions: a person works at one level, fixed when the session opens, until they end it or it runs out."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.markings import Label


@dataclass
class Session:
    """One open session.

    Attributes:
        subject: name of the subject.
        enclave: the enclave at whose gateway it was opened.
        working: its working level.
        opened: seconds since the epoch.
        used: seconds since the epoch of the last request.
    """

    subject: str
    enclave: str
    working: Label
    opened: float
    used: float


class Sessions:
    """Open sessions, one a certificate.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._session_seconds = 0.0
        self._idle_seconds = 0.0
        self._clock = clock
        self._open: dict[str, Session] = {}

    def limit(self, session_seconds: float, idle_seconds: float) -> None:
        """Set the longest life of a session and the longest pause between its requests, also of open ones."""
        self._session_seconds = session_seconds
        self._idle_seconds = idle_seconds

    def open(self, certificate: str, subject: str, enclave: str, working: Label) -> Session | None:
        """Open a session for a certificate's fingerprint; None when one at another level is still open."""
        current = self.current(certificate)
        if current is not None and current.working != working:
            return None
        now = self._clock()
        session = Session(subject, enclave, working, opened=now, used=now)
        self._open[certificate] = session
        return session

    def current(self, certificate: str) -> Session | None:
        """The certificate's open session, marked as used now, or None."""
        session = self._open.get(certificate)
        if session is None:
            return None
        now = self._clock()
        if now - session.opened > self._session_seconds or now - session.used > self._idle_seconds:
            del self._open[certificate]
            return None
        session.used = now
        return session

    def close(self, certificate: str) -> Session | None:
        """End the certificate's session and return it."""
        return self._open.pop(certificate, None)
