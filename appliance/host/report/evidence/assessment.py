"""What was found on a host: what every document of a pack is made from, together with the table of controls."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from appliance.host.report.evidence.controls import Control, State, Table, worst

Line = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Outcome(_Strict):
    """What one check found.

    Attributes:
        check: its name, as the controls have it.
        state: how it ended.
        found: what was seen, or why nothing could be.
        evidence: files of the pack in which it stands.
    """

    check: str
    state: State
    found: Line
    evidence: tuple[str, ...] = ()


class Assessment(_Strict):
    """One look at one host.

    Attributes:
        site: name of the site.
        demo: whether it is a demonstration, whose keys protect nothing.
        label: encoded label of the whole pack: the join of all that is in it.
        marking: the same as a banner.
        time: when it was looked at.
        version: version of the appliance that looked.
        bundle: the bundle that runs.
        profile: the controls that the site's own profile demands; empty without one.
        outcomes: one for each check of the controls.
    """

    site: str
    demo: bool
    label: str
    marking: str
    time: AwareDatetime
    version: str
    bundle: str
    profile: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...]

    def of(self, control: Control) -> list[Outcome]:
        """What the checks of a control found."""
        return [outcome for outcome in self.outcomes if outcome.check in control.checks]

    def state(self, control: Control) -> State:
        """How a control stands: as its worst check does; a check of which nothing is said was not made."""
        found = self.of(control)
        missing = [State.NOT_TESTED] * (len(control.checks) - len(found))
        return worst([outcome.state for outcome in found] + missing)

    def unstated(self, table: Table) -> list[str]:
        """Controls that the site's profile demands and of which the table says nothing."""
        stated = {control.oscal_id for control in table.controls}
        return sorted({name for name in self.profile if name not in stated})

    def counts(self, table: Table) -> dict[State, int]:
        """How many controls stand how, each state named."""
        states = [self.state(control) for control in table.controls]
        return {state: states.count(state) for state in State}


def why_not_tested(control: Control) -> str:
    """Why a control without a check is not tested."""
    if control.part is None:
        return "the site's alone: nothing on the host can show it"
    return "no check on a host shows it; the tests of the release do"
