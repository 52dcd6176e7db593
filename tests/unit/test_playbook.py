"""A playbook's tasks are told as they finish, and a refusal of our own commands reaches the caller whole."""

import json
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.playbook import TaskEvent, run_playbook

ROLE = """---
- name: Do the {{ thing }}
  ansible.builtin.command:
    argv: ["{{ ansible_python_interpreter }}", -c, "{{ code }}"]
  register: step_result
  changed_when: (step_result.stdout | from_json).changed
"""
PLAYBOOK = """---
- name: Play
  hosts: localhost
  gather_facts: false
  roles: [step]
"""


def run(folder: Path, code: str) -> list[TaskEvent]:
    (folder / "roles/step/tasks").mkdir(parents=True)
    (folder / "roles/step/tasks/main.yml").write_text(ROLE)
    (folder / "play.yml").write_text(PLAYBOOK)
    seen: list[TaskEvent] = []
    run_playbook(folder / "play.yml", {"code": code, "thing": "work"}, on_event=seen.append)
    return seen


def test_a_step_is_announced_and_then_told_with_its_message(tmp_path: Path) -> None:
    result = json.dumps({"changed": True, "message": "two files"})
    started, done = run(tmp_path, f"print({result!r})")
    assert (started.event, started.role, started.task) == ("started", "step", "Do the work")
    assert (done.event, done.changed, done.message) == ("ok", True, "two files")


def test_a_refusal_keeps_its_rule_and_remedy(tmp_path: Path) -> None:
    refusal = json.dumps({"error": "x is wrong", "rule": "no x", "remedy": "use y"})
    code = f"import sys; sys.stderr.write({refusal!r}); sys.exit(1)"
    with pytest.raises(ApplianceError) as caught:
        run(tmp_path, code)
    assert caught.value.as_dict() == json.loads(refusal)


def test_any_other_failure_names_role_and_task(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="ZeroDivisionError") as caught:
        run(tmp_path, "1/0")
    assert caught.value.rule == "step: Do the work"


def test_a_playbook_that_ansible_cannot_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("- hosts: localhost\n  rolls: []\n")
    with pytest.raises(ApplianceError, match=r"bad\.yml could not be run"):
        run_playbook(tmp_path / "bad.yml", {}, on_event=print)
