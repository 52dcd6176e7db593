"""What the tests of a site's data ask of it: tasks that people make and read, records, ``appliance enclave``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.instance import Instance, appliance
from demo.users import user, wait_until


def make_task(site: Instance, subject: str, enclave: str, prompt: str) -> tuple[str, str]:
    """A project with one task; their identifiers."""
    with user(site, subject, enclave, session=True) as client:
        project = client.post("/labeling/api/projects", json={"name": prompt}).json()["id"]
        tasks = {"tasks": [{"prompt": prompt, "answers": ["yes", "no"]}]}
        added = client.post(f"/labeling/api/projects/{project}/tasks", json=tasks)
        assert added.status_code == 201, added.text
    return project, added.json()["tasks"][0]


def recorded(site: Instance, activity: str, meant: Callable[[Any], bool]) -> Any:
    """The record of ``activity`` in the log that is meant, once the monitor has taken it in."""

    def look() -> Any:
        shown = appliance(site, "audit", "show", "--log", site.root / "log", "--activity", activity, "--format", "json")
        details = [json.loads(line)["body"]["unmapped"].get("detail") for line in shown.splitlines()]
        return next((detail for detail in details if detail and meant(detail)), None)

    return wait_until(look, 20, f"a record of {activity}")


def words(site: Instance, command: str, *arguments: str | Path) -> list[str | Path]:
    """The words of ``appliance enclave COMMAND``."""
    return ["enclave", command, *arguments, "--root", site.root, "--run", site.run]


def enclave(site: Instance, command: str, *arguments: str | Path, check: bool = True) -> Any:
    """``appliance enclave COMMAND`` on the disconnected host."""
    return appliance(site, *words(site, command, *arguments), inside=True, check=check)


def status_of(site: Instance, made: tuple[str, str]) -> int:
    """What a reader of enclave unclassified is answered about the task of a project."""
    project, task = made
    with user(site, "annotator", "unclassified", session=True) as client:
        return client.get(f"/labeling/api/projects/{project}/tasks/{task}").status_code
