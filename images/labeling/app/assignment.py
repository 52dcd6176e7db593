"""Who is given tasks of a project, and when."""

from appliance.errors import ApplianceError
from appliance.service.database import Row


def refusal(project: Row, subject: str) -> ApplianceError | None:
    """Why somebody is given no task: the project is paused, over or not theirs, or they have not read its guidelines.

    What they hold already they may finish.

    Args:
        project: as the store has it, for this person.
        subject: the person.
    """
    if project["paused"]:
        return ApplianceError(
            "the project is paused", rule="while it is, nobody is given a task", remedy="ask its lead when it goes on"
        )
    if project["over"]:
        return ApplianceError(
            f"the deadline of the project was {project['deadline']:%Y-%m-%d %H:%M %Z}",
            rule="after it nobody is given a task",
            remedy="ask its lead for another deadline",
        )
    if project["team"] and subject not in project["team"]:
        return ApplianceError(
            "you are not in the team of this project",
            rule="tasks are given to its team",
            remedy="ask its lead to add you",
        )
    if not project["acknowledged"]:
        return ApplianceError(
            "the guidelines changed, and you have not acknowledged them",
            rule="who goes on has read what changed",
            remedy="read them on the page Label and confirm",
        )
    return None
