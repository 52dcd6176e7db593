"""Closing the upgrade of a database by the word of two officers: the cluster of the major before is deleted.

Until then it lies beside the new one, and the generation before is kept: the host can go back with the data of the
update. Another installation would delete that, so it is refused meanwhile.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from appliance.audit.events import kinds as events
from appliance.audit.events import spool
from appliance.audit.events.kinds import Scope
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import validated
from appliance.errors import ApplianceError
from appliance.host.change import clusters, converge
from appliance.monitor.in_force.statements import installed_statements
from appliance.trust.officers import load_signed

KIND: Literal["close-upgrade"] = "close-upgrade"
CLOSE = "database.close"
Major = Annotated[int, Field(ge=clusters.FIRST, le=99)]


class Closing(BaseModel):
    """What two officers sign.

    Attributes:
        site: the site.
        old: the major whose clusters are deleted.
        new: the major that runs.
        reason: why, for the record.
        expires: when the statement lapses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    old: Major
    new: Major
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
    expires: AwareDatetime


@dataclass(frozen=True)
class Closed:
    """What closing deletes: the enclaves whose database has a cluster of the major before."""

    old: int
    new: int
    enclaves: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def close(paths: HostPaths, statement: Path, *, dry_run: bool = False) -> Closed:
    """Delete the clusters of the major before; recorded before. Repeating it after a crash finishes it.

    Args:
        paths: where the appliance lives.
        statement: signed by two officers.
        dry_run: say what would go, change nothing.

    Raises:
        ApplianceError: not signed by two officers, another site's or upgrade's, lapsed, or nothing waits to be closed.
    """
    site = installed_statements(paths).site
    value: Mapping[str, Any] = load_signed(statement, paths.registries / "current" / "officers.json", KIND)
    found = validated(Closing, value, statement.name)
    if found.site != site.site:
        raise ApplianceError(
            f"{statement}: is for the site {found.site}, this is {site.site}",
            rule="a statement closes the upgrade of the one site that two officers signed for",
            remedy="have one signed for this site: appliance host sign-closing",
        )
    if found.expires <= datetime.now(UTC):
        raise ApplianceError(f"{statement}: lapsed {found.expires:%Y-%m-%d %H:%M} UTC", remedy="have it signed anew")
    with converge.exclusive(paths):
        running = clusters.running_major(paths)
        waiting = {name: majors for name, majors in clusters.waiting(paths).items() if found.old in majors}
        if found.new != running or not waiting:
            raise ApplianceError(
                f"{statement}: no upgrade from PostgreSQL {found.old} to {found.new} waits to be closed here",
                rule="closing deletes the clusters of the major that two officers named, beside those that run",
                remedy=f"PostgreSQL {running} runs; `appliance host status` shows what waits",
            )
        closed = Closed(found.old, found.new, tuple(sorted(waiting)))
        if dry_run:
            return closed
        detail: dict[str, JsonValue] = {"from": found.old, "to": found.new, "reason": found.reason}
        detail["enclaves"] = list(closed.enclaves)
        event = events.activity(Scope(label=site.system_high.marking.label.encode()), "host", CLOSE, detail=detail)
        spool.record(paths.root, event)
        for enclave in closed.enclaves:
            clusters.remove(paths, enclave, [found.old])
    return closed
