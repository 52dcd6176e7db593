"""What was installed once is installed: a second run changes nothing, and a rehearsal finds nothing to change."""

import json
import shlex

import pytest

from demo import people
from tests.vagrant.install import install_from, mount
from tests.vagrant.machine import Machine
from tests.vagrant.media import SITE

pytestmark = pytest.mark.timeout(5400)
REHEARSAL = """
import json, sys
from pathlib import Path
from appliance.enclave.paths import HostPaths
from appliance.host.state import generation
from appliance.host.change.install import playbook_variables
from appliance.playbook import run_playbook

paths = HostPaths(Path("/var/lib/appliance"), Path("/run/appliance"))
bundle = paths.root / "bundle" / generation.Facts.of(generation.required(paths)).bundle
variables = playbook_variables(paths, bundle, Path("/media/site"), sys.argv[1])
playbook = bundle / "targets/playbooks/install.yml"
events = run_playbook(playbook, variables, on_event=lambda event: None, check=True)
print(json.dumps([f"{event.role}: {event.task}" for event in events if event.changed]))
"""


def test_no_role_would_change_anything(site: Machine) -> None:
    mount(site, "site", "site")
    command = ["/var/lib/appliance/venv/bin/python", "-c", REHEARSAL, people.officers_fingerprint(SITE)]
    assert json.loads(site.run(shlex.join(command))) == []


def test_a_second_installation_changes_nothing(site: Machine) -> None:
    before = json.loads(site.run("appliance host status --json"))["generation"]
    report = json.loads(site.run(install_from(site, "disc-01") + " --json"))
    assert report["changed_tasks"] == []
    assert report["generation"] == before
