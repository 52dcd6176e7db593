"""Back to the generation before, because a person says so."""

from dataclasses import dataclass
from pathlib import Path

from appliance.audit.events.kinds import Verdict
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.change import clusters, stack
from appliance.host.change.converge import Progress, converge, record
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, generation
from appliance.host.state.generation import Facts


@dataclass(frozen=True)
class Plan:
    """What a roll-back would do.

    Attributes:
        leaves: number of the generation that runs now.
        returns_to: number of the one that will run.
        bundle: its bundle.
        images: names of the images that differ.
        data: folder of the data as that generation left them, where they are to be restored.
        volumes: the volumes whose present content would be set aside.
    """

    leaves: int
    returns_to: int
    bundle: str
    images: tuple[str, ...]
    data: str | None
    volumes: tuple[str, ...]


def plan(paths: HostPaths, *, restore_data: bool) -> Plan:
    """Look what a roll-back would do; changes nothing.

    Raises:
        ApplianceError: there is no earlier generation, or no copy of its data.
    """
    now = generation.required(paths)
    back = generation.previous(now)
    if back is None:
        raise ApplianceError(
            f"generation {now.name} has no earlier one to return to",
            rule="the generation before the current one is kept until the next update is healthy",
            remedy="install the bundle you want",
        )
    copy = copies.copy_of(paths, back)
    mine, other = (clusters.major_of(Facts.of(one).images.configs) for one in (now, back))
    if mine != other and not restore_data:
        raise ApplianceError(
            f"generation {back.name} has PostgreSQL {other}, and what was written since is in a cluster of {mine}",
            rule="no major of PostgreSQL reads what a later one wrote, so that data do not come along",
            remedy="appliance host rollback --restore-data: the data of the update come back, and the present ones are"
            " set aside",
        )
    if restore_data and not copy.is_dir():
        raise ApplianceError(
            f"{copy}: there is no copy of the data as generation {back.name} left them",
            rule="a copy is taken when an update brings other images; it lasts until the update after it",
            remedy="roll back without --restore-data: every generation runs on the data of a later one",
        )
    images, others = Facts.of(now).images.identifiers, Facts.of(back).images.identifiers
    return Plan(
        leaves=generation.number_of(now),
        returns_to=generation.number_of(back),
        bundle=Facts.of(back).bundle,
        images=tuple(sorted(name for name in {*images, *others} if images.get(name) != others.get(name))),
        data=str(copy) if restore_data else None,
        volumes=tuple(str(path.relative_to(copy)) for path in sorted(copy.glob("*/*"))) if restore_data else (),
    )


def roll_back(paths: HostPaths, *, restore_data: bool, progress: Progress) -> Plan:
    """Run the generation before the current one again, with its images, site and software.

    Log, registries and versions of the metadata stay. So does the data, unless ``restore_data``; what is there now is
    then set aside as the copy of the generation that is left.

    Raises:
        ApplianceError: as :func:`plan`, or the generation does not become healthy.
    """
    decided = plan(paths, restore_data=restore_data)
    now: Path = generation.required(paths)
    back = now.with_name(str(decided.returns_to))
    rule = "generation.rollback-with-data" if restore_data else "generation.rollback"
    record(paths, "rollback", back, Verdict(allowed=True, rule=rule, reason=f"from generation {now.name}"))
    progress("stopping containers")
    stack.hold(paths, Podman(paths))
    if restore_data:
        copies.begin_restore(paths, back, now)
    generation.switch(paths, back, proven=True)
    progress(f"starting generation {back.name}")
    converge(paths, progress)
    return decided
