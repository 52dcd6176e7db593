"""Sessions: a person works at one level, fixed when the session opens, until they end it or it runs out.

The level is the person's, whatever certificate and workstation they use: with two of them, one could read at one level
what they write at another.
"""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.markings import Label
from appliance.monitor.decide.last_use import Notice


@dataclass
class Session:
    """One open session.

    Attributes:
        subject: name of the subject.
        enclave: the enclave at whose gateway it was opened.
        working: its working level.
        opened: when it was opened, by the clock of :class:`Sessions`.
        used: when it was last used, by the same clock.
        notice: what the subject was told of their last session.
    """

    subject: str
    enclave: str
    working: Label
    opened: float
    used: float
    notice: Notice


class Sessions:
    """Open sessions, one a certificate, all of one subject at one level.

    Args:
        clock: seconds, by a clock that nobody sets, so that no change of the time prolongs a session.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._session_seconds = 0.0
        self._idle_seconds = 0.0
        self._clock = clock
        self._open: dict[str, Session] = {}
        self._of: dict[str, dict[str, Session]] = {}

    def limit(self, session_seconds: float, idle_seconds: float) -> None:
        """Set the longest life of a session and the longest pause between its requests, also of open ones."""
        self._session_seconds = session_seconds
        self._idle_seconds = idle_seconds

    def open(self, certificate: str, subject: str, enclave: str, working: Label, notice: Notice) -> Session | None:
        """Open a session for a certificate's fingerprint; None while the subject has one at another level."""
        if self.elsewhere(subject, working):
            return None
        now = self._clock()
        session = Session(subject, enclave, working, opened=now, used=now, notice=notice)
        self.close(certificate)
        self._open[certificate] = session
        self._of.setdefault(subject, {})[certificate] = session
        return session

    def elsewhere(self, subject: str, working: Label) -> Session | None:
        """An open session of ``subject`` at another level than ``working``, with whatever certificate, or None."""
        session = self.of(subject)
        return session if session and session.working != working else None

    def of(self, subject: str) -> Session | None:
        """An open session of ``subject``, with whatever certificate, or None; all of them are at one level."""
        for certificate, session in list(self._of.get(subject, {}).items()):
            if self._lives(certificate, session):
                return session
        return None

    def current(self, certificate: str, subject: str) -> Session | None:
        """The open session of a subject's certificate, marked as used now, or None.

        A session ends when the officers' table says that the certificate is somebody else's.
        """
        session = self._open.get(certificate)
        if session is None:
            return None
        if session.subject != subject:
            del self._open[certificate]
            return None
        if not self._lives(certificate, session):
            return None
        session.used = self._clock()
        return session

    def _lives(self, certificate: str, session: Session) -> bool:
        """Whether a session has not run out; one that has is forgotten."""
        now = self._clock()
        if now - session.opened > self._session_seconds or now - session.used > self._idle_seconds:
            self.close(certificate)
            return False
        return True

    def remaining(self, session: Session) -> float:
        """Seconds until ``session`` ends even when it is used."""
        return session.opened + self._session_seconds - self._clock()

    def close(self, certificate: str) -> Session | None:
        """End the certificate's session and return it."""
        session = self._open.pop(certificate, None)
        if session is not None:
            others = self._of[session.subject]
            del others[certificate]
            if not others:
                del self._of[session.subject]
        return session
