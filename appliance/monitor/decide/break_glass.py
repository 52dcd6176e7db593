"""Break-glass: for one subject in one enclave, for hours, two officers lift what stage two of a decision narrows.

It gives roles and need-to-know groups, nothing else: stage one (dominance, working level, no write-down) decides first
and knows nothing of it, and every request that it lets through is recorded with the rule ``break-glass`` before it goes
on. A use that no officer has reviewed blocks the next cosignature (``appliance.audit.review.summary``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from appliance.enclave.site import Name, Site, validated
from appliance.errors import ApplianceError
from appliance.monitor.decide import revocations
from appliance.monitor.decide.decision import Decision, GatewayRequest, Person, decide
from appliance.monitor.decide.policy import AccessPolicy
from appliance.monitor.decide.registry import Role
from appliance.trust.officers import Officers, load_signed, payload_digest

KIND: Literal["break-glass"] = "break-glass"
FOLDER = "break-glass"
LONGEST = timedelta(hours=8)
RULE = "break-glass"
LIFTED = ("access.role", "access.need-to-know")
log = structlog.get_logger()


class BreakGlass(BaseModel):
    """What two officers sign.

    Attributes:
        id: its name, used once in a site's life.
        site: the site, so that it serves nowhere else.
        subject: the one registered subject.
        enclave: the one enclave.
        roles: roles they have there meanwhile. Officers work in an enclave of their own, for which none is lent.
        groups: need-to-know groups they belong to there meanwhile.
        reason: why, for the review.
        begins: from when.
        ends: until when, at most eight hours later.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    site: str
    subject: Name
    enclave: Name
    roles: tuple[Role, ...] = ()
    groups: tuple[Name, ...] = ()
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
    begins: AwareDatetime = Field()
    ends: AwareDatetime = Field()

    @model_validator(mode="after")
    def _short_and_about_something(self) -> "BreakGlass":
        if not self.begins < self.ends <= self.begins + LONGEST:
            raise ValueError("ends must lie after begins, at most eight hours")
        if not self.roles and not self.groups:
            raise ValueError("it lifts nothing: name roles or groups")
        return self


def read(data: Mapping[str, Any], where: str, site: Site) -> BreakGlass:
    """Validate the content of a statement.

    Raises:
        ApplianceError: names the field, or says that it is another site's or an enclave's that is not there.
    """
    found = validated(BreakGlass, data, where)
    if found.site != site.site or found.enclave not in {enclave.name for enclave in site.enclaves}:
        raise ApplianceError(
            f"{where}: is for {found.enclave} of the site {found.site}, not for this one",
            rule="a statement serves the site and enclave that two officers signed for",
            remedy="name the right statement, or have one signed: appliance audit break-glass sign",
        )
    if found.enclave == site.system_high.name:
        raise ApplianceError(
            f"{where}: is for {found.enclave}, where the log and its officers are",
            rule="nobody is lent an officer's work: two officers would let a third person review them (AC-5)",
            remedy="register an officer in subjects.yml, signed by two",
        )
    return found


def check_lent(found: BreakGlass, site: Site, policy: AccessPolicy) -> None:
    """Refuse to lend a role that opens nothing in the enclave: one that there is not, or one of the officers.

    Raises:
        ApplianceError: names the role.
    """
    services = site.enclave(found.enclave).services
    useful = [role for role, rules in policy.roles.items() if any(service in rules for service in services)]
    for role in found.roles:
        if role not in useful:
            raise ApplianceError(
                f"roles: {role} opens nothing in {found.enclave}",
                rule="break-glass lends what access.yml gives a role in that enclave",
                remedy=f"lend one of {', '.join(useful)}",
            )


@dataclass
class BreakGlassGrants:
    """The statements that were started on this host, read again with their signatures when the folder changes.

    Attributes:
        folder: has ``<id>.dsse.json``; beside it is the folder of what officers withdrew.
        officers: who may sign; two must have.
        site: of this host.
    """

    folder: Path
    officers: Officers
    site: Site
    _changed: tuple[int, ...] = ()
    _known: tuple[BreakGlass, ...] = ()

    def decide(
        self, request: GatewayRequest, who: Person, enclave: str, policy: AccessPolicy, now: datetime
    ) -> tuple[Decision, Person, str] | None:
        """Decide once more what stage two refused, with the roles and groups that officers lent for now.

        Returns:
            The permission, the person as widened, and the reason for the record; None if nothing is lent or it
            does not help.
        """
        for lent in self._current():
            if (lent.subject, lent.enclave) == (who.name, enclave) and lent.begins <= now < lent.ends:
                wider = replace(who, roles=(*who.roles, *lent.roles), groups=(*who.groups, *lent.groups))
                decision = decide(request, wider, policy)
                if decision.allow:
                    return replace(decision, rule=RULE), wider, f"{lent.id}: {lent.reason}"
        return None

    def _current(self) -> tuple[BreakGlass, ...]:
        folders = (self.folder, self.folder.parent / revocations.FOLDER)
        changed = tuple(folder.stat().st_mtime_ns if folder.is_dir() else 0 for folder in folders)
        if changed != self._changed:
            self._known, self._changed = tuple(self._read()), changed
        return self._known

    def _read(self) -> list[BreakGlass]:
        found = []
        withdrawn = revocations.revoked(self.folder.parent / revocations.FOLDER, KIND)
        for file in sorted(self.folder.glob("*.dsse.json")):
            try:
                value = load_signed(file, self.officers, KIND)
                if payload_digest(value) not in withdrawn:
                    found.append(read(value, file.name, self.site))
            except ApplianceError as error:
                log.error("a break-glass statement does not hold", problem=str(error))  # noqa: TRY400 - it says it all
        return found
