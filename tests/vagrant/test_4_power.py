"""Power cuts: whatever the moment, the machine comes back as a whole generation, with everything it acknowledged."""

import shlex
import threading
import time

import httpx
import pytest

from demo.users import user
from tests.vagrant import users
from tests.vagrant.install import install_from, whole_after_a_start
from tests.vagrant.machine import Machine
from tests.vagrant.media import SITE

pytestmark = pytest.mark.timeout(5400)
SAID = "/root/install.log"


def cut_when(site: Machine, disc: str, stage: str) -> None:
    """Begin an installation, and take the power away when it says that ``stage`` begins."""
    command = f"{install_from(site, disc)} >{SAID} 2>&1"
    site.run(f"rm -f {SAID}; systemd-run --quiet --collect sh -c {shlex.quote(command)}")
    waiting = f"until grep -q {shlex.quote(stage)} {SAID}; do sleep 1; done"
    site.run(f"timeout 1800 sh -c {shlex.quote(waiting)}")
    site.cut_power()
    site.start()


@pytest.mark.parametrize("stage", ["copy the bundle", "generation: Put in place"])
def test_power_cut_during_an_update_leaves_one_whole_generation(site: Machine, stage: str) -> None:
    before = whole_after_a_start(site)
    projects = users.projects()
    cut_when(site, "update", stage)
    assert whole_after_a_start(site) in (before, before + 1)
    assert users.projects() == projects
    users.label_once()


def test_power_cut_under_load_loses_nothing_that_was_acknowledged(site: Machine) -> None:
    acknowledged: list[str] = []

    def label_until_the_power_goes() -> None:
        with user(SITE, "annotator", "unclassified", session=True) as client:
            while True:
                answer = client.post("/labeling/api/projects", json={"name": "Before the power went"})
                if answer.status_code == 201:
                    acknowledged.append(str(answer.json()["id"]))

    def label() -> None:
        try:
            label_until_the_power_goes()
        except (httpx.HTTPError, AssertionError):
            return

    people = [threading.Thread(target=label, daemon=True) for _ in range(4)]
    for person in people:
        person.start()
    time.sleep(60)
    counted = len(acknowledged)
    site.cut_power()
    kept = acknowledged[:]
    site.start()
    for person in people:
        person.join()
    whole_after_a_start(site)
    assert counted > 0
    assert set(kept) <= set(users.projects()), "an acknowledged project is gone"
    assert site.run("appliance audit verify --key /var/lib/appliance/log/log.vkey")
    written = site.run("appliance audit show --subject annotator --activity write --last 1000000 --json")
    assert len(written.splitlines()) >= len(kept)
