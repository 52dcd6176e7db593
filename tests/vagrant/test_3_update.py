"""An update takes over whole, one that does not start returns by itself, and a person returns by hand; data stay."""

import json

import pytest

from tests.vagrant import users
from tests.vagrant.install import install_from, whole
from tests.vagrant.machine import Machine

pytestmark = pytest.mark.timeout(5400)


def test_update_takes_over_and_keeps_what_people_entered(site: Machine) -> None:
    before = whole(site)
    project = users.label_once()
    report = json.loads(site.run(install_from(site, "update") + " --json"))
    assert whole(site) == report["generation"] > before
    assert project in users.projects()


def test_update_that_does_not_start_returns_by_itself(site: Machine) -> None:
    before = whole(site)
    answer = site.run(install_from(site, "broken") + " 2>&1", check=False)
    assert "refused" in answer, answer
    assert whole(site) == before
    users.label_once()


def test_return_by_hand(site: Machine) -> None:
    before = whole(site)
    projects = users.projects()
    decided = json.loads(site.run("appliance host rollback --json"))
    assert decided["leaves"] == before
    assert whole(site) == decided["returns_to"] < before
    assert users.projects() == projects
    assert site.run("systemctl --failed --plain --no-legend") == ""
