"""What the checks look at: one host, of which each thing is read once, when the first check wants it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from appliance.audit.log.note import Verifier, open_checkpoint
from appliance.audit.log.policy import Policy, installed
from appliance.audit.log.tiles import CHECKPOINT
from appliance.audit.log.verify import Report
from appliance.audit.review import state
from appliance.audit.review.fsck import fsck
from appliance.contract.calendar import Calendar
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.enforce import hardening
from appliance.host.enforce.platform import detect
from appliance.host.enforce.podman import Podman
from appliance.host.report.evidence.checks import probe
from appliance.host.report.evidence.checks.summaries import Summary, host_keys, newest
from appliance.host.report.evidence.controls import State
from appliance.host.state import calendar, generation
from appliance.host.state.generation import Facts
from appliance.host.watching.layers import Layer, layers
from appliance.host.watching.reconciler import Look, look
from appliance.monitor.in_force.statements import Statements, installed_statements
from appliance.trust.keys import PrivateKey, host_key
from appliance.trust.repository.client import Repository, read_repository

Found = tuple[State, str]
"""How a check ended, and what it saw."""


@dataclass(frozen=True)
class Host:
    """One host.

    Args:
        paths: where the appliance lives.
        log_key: the log's verifier key, as carried on paper.
        now: the time.
        rebuilt: what ``appliance bundle rebuild --json`` said of the bundle, where the site ran it.
    """

    paths: HostPaths
    log_key: Verifier
    now: datetime
    rebuilt: list[dict[str, Any]] | None = None

    @property
    def log_folder(self) -> Path:
        """The folder of the audit log."""
        return self.paths.root / "log"

    @property
    def bundle(self) -> Path:
        """The folder of the bundle that runs."""
        return self.paths.root / "bundle" / self.facts.bundle

    @cached_property
    def statements(self) -> Statements:
        """What two officers signed."""
        return installed_statements(self.paths)

    @cached_property
    def facts(self) -> Facts:
        """What the current generation runs."""
        return Facts.of(generation.required(self.paths))

    @cached_property
    def repository(self) -> Repository:
        """The proven metadata of that bundle, whenever it expired."""
        return read_repository(
            self.bundle / "metadata", self.facts.root_fingerprint, now=datetime.fromtimestamp(0, UTC)
        )

    @cached_property
    def note(self) -> bytes:
        """The log's checkpoint, under which the evidence of this look is proven."""
        note = (self.log_folder / CHECKPOINT).read_bytes()
        open_checkpoint(note, self.log_key)
        return note

    @cached_property
    def key(self) -> PrivateKey:
        """The host's own key."""
        return host_key(self.paths.root / "secrets" / "host.pem", demo=self.statements.site.demo)

    @property
    def looked(self) -> Look:
        """The comparison of what runs with what was admitted.

        Raises:
            ApplianceError: the host cannot be looked at; always with the words of the first time.
        """
        if isinstance(self._look, ApplianceError):
            raise self._look
        return self._look

    @cached_property
    def _look(self) -> Look | ApplianceError:
        try:
            return look(self.paths, Podman(self.paths), self.statements.site)
        except ApplianceError as error:
            return error

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """The layers of enforcement by name."""
        return {layer.name: layer for layer in layers(self.paths, detect(), self.looked)}

    @cached_property
    def settings(self) -> list[hardening.Result]:
        """How the settings of the hardening stand; none where systemd does not run the host."""
        return hardening.installed(self.paths, self.statements.site.hardening_exceptions)

    @cached_property
    def log(self) -> Report:
        """What a whole verification of the log found."""
        return fsck(self.log_folder, self.log_key.encode())

    @cached_property
    def state(self) -> state.LogState:
        """Room, review and anchor of the log."""
        return state.log_state(self.log_folder, self.now.timestamp())

    @cached_property
    def policy(self) -> Policy | None:
        """Who must cosign, as installed beside the log."""
        return installed(self.log_folder)

    @cached_property
    def calendar(self) -> Calendar:
        """What expires or falls due."""
        return calendar.read(self.paths, self.now)

    @cached_property
    def summary(self) -> Summary | None:
        """The newest summary of this bundle's verification."""
        uri = f"urn:mls-appliance:bundle:{self.facts.root_fingerprint}:{self.repository.version}"
        return newest(self.paths, uri, host_keys(self.paths, self.key.public))

    @property
    def refused(self) -> probe.Refused:
        """How a stranger was refused; asked once.

        Raises:
            ApplianceError: the monitor did not answer.
        """
        if isinstance(self._refused, ApplianceError):
            raise self._refused
        return self._refused

    @cached_property
    def _refused(self) -> probe.Refused | ApplianceError:
        try:
            return probe.ask(self.paths, self.statements.site.system_high)
        except ApplianceError as error:
            return error


def holds(good: bool, text: str) -> Found:  # what was seen decides
    """Satisfied or not."""
    return (State.SATISFIED if good else State.NOT_SATISFIED), text


def nothing(wrong: list[str], well: str) -> Found:
    """Satisfied where nothing is wrong; ``well`` says what that rests on."""
    return holds(not wrong, "; ".join(wrong) or well)
