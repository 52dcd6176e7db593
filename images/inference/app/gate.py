"""The gate: whether the loaded model may answer, decided anew when its certificate changes."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.service.certificate import REVOKED, Certificate, Serving, check, check_use, digest_of, verify
from appliance.trust.keys import PublicKey

_log = structlog.get_logger()


class CandidateError(ApplianceError):
    """The model has no certificate that counts; only its evaluation may use it."""


@dataclass(frozen=True)
class Standing:
    """Whether a model is certified, and why or why not."""

    certified: bool
    reason: str
    certificate: dict[str, Any] | None = None


class Gate:
    """Decides by the certificate beside the model file.

    Args:
        path: the certificate, ``/models/<name>.certificate.dsse.json``.
        serving: what runs.
        certifiers: public keys of those who may certify.
        revoked: SHA-256 digests of certificates that no longer count.
        officers: public keys of the officers, who sign certificates of higher tiers too.
        use: what people here use the model for.
        demo: whether the site is a demonstration.
    """

    def __init__(
        self,
        path: Path,
        serving: Serving,
        certifiers: dict[str, PublicKey],
        revoked: frozenset[str] = frozenset(),
        *,
        officers: dict[str, PublicKey] | None = None,
        use: str,
        demo: bool,
    ) -> None:
        self.path = path
        self.serving = serving
        self._certifiers = certifiers
        self._officers = officers
        self._revoked = revoked
        self._use = use
        self._demo = demo
        self._seen: tuple[int, ...] | None = None
        self._verified: tuple[Certificate, tuple[str, ...], str] | ApplianceError | None = None
        self._withdrawn: frozenset[str] | None = frozenset()
        self._revoked_seen: tuple[int, ...] | None = None
        self._reported = ""

    def standing(self) -> Standing:
        """The model's standing at this moment."""
        self._read_when_changed()
        self._read_revoked()
        standing = self._judge()
        if standing.reason != self._reported:
            self._reported = standing.reason
            _log.info("model_standing", certified=standing.certified, reason=standing.reason)
        return standing

    def admit(self, context: Context) -> Standing:
        """Let a request through, or refuse it.

        Raises:
            CandidateError: the model is a candidate and this is not its evaluation.
        """
        standing = self.standing()
        if not standing.certified and (context.subject, context.purpose) != ("service:evaluation", "evaluation"):
            raise CandidateError(
                f"model {self.serving.model.name} is a candidate: {standing.reason}",
                rule="a model serves only with a certificate",
                remedy="evaluate it, and have a person certify the results: appliance model certify",
            )
        return standing

    def withdrawn(self, context: Context) -> str | None:
        """Why a request that was let through may not go on, or None."""
        try:
            self.admit(context)
        except CandidateError as error:
            return error.message
        return None

    def _read_when_changed(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen = self._verified = None
            return
        seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if seen == self._seen:
            return
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                data = file.read(1 << 20)
            certificate, signers = verify(
                data, self.path.name, self._certifiers, self.serving.model.sha256, officers=self._officers
            )
            self._verified = certificate, signers, digest_of(data)
        except OSError as error:
            self._verified = ApplianceError(f"{self.path.name}: cannot be read: {error.strerror}")
        except ApplianceError as error:
            self._verified = error
        self._seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _read_revoked(self) -> None:
        """What officers withdrew, looked at for each request; without the file, nothing was."""
        file = self.path.with_name(REVOKED)
        try:
            status = file.stat()
        except FileNotFoundError:
            self._revoked_seen, self._withdrawn = None, frozenset()
            return
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen == self._revoked_seen:
            return
        try:
            self._withdrawn = frozenset(map(str, json.loads(file.read_bytes())))
        except (OSError, ValueError, TypeError):
            self._withdrawn = None
        self._revoked_seen = seen

    def _judge(self) -> Standing:
        if self._verified is None:
            return Standing(certified=False, reason="no certificate")
        if isinstance(self._verified, ApplianceError):
            return Standing(certified=False, reason=self._verified.message)
        certificate, signers, digest = self._verified
        if self._withdrawn is None:
            return Standing(certified=False, reason=f"{REVOKED}: cannot be read, so nobody knows what was revoked")
        if digest in self._revoked | self._withdrawn:
            return Standing(certified=False, reason=f"{self.path.name}: revoked")
        try:
            check(certificate, self.serving, self.path.name, datetime.now(UTC))
            check_use(certificate, self._use, self.path.name, demo=self._demo)
        except ApplianceError as error:
            return Standing(certified=False, reason=error.message)
        return Standing(
            certified=True,
            reason=f"certified by {', '.join(signers)}",
            certificate={
                "sha256": digest,
                "signers": list(signers),
                "issued": certificate.issued.isoformat(),
                "expires": certificate.expires.isoformat(),
                "tier": certificate.tier,
                "uses": list(certificate.uses),
                "use": self._use,
                "bounds": [bound.model_dump() for bound in certificate.bounds],
                "answered": sum(suite.items for suite in certificate.evaluation.suites),
            },
        )
