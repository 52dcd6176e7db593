"""From a bare machine to a working site: what a sysadmin types with the page of paper in hand."""

import json
import re
import shlex

from demo import people
from tests.vagrant.machine import Machine
from tests.vagrant.media import DISCS, SITE

PAPER = SITE.bundle.with_name(f"{SITE.bundle.name}.paper.txt")


def mount(machine: Machine, drive: str, disc: str) -> str:
    """Put a disc into a drive and mount it read-only, as the paper says where; returns the place."""
    place = {"bundle": "/media/disc", "site": "/media/site"}[drive]
    device = {"bundle": "/dev/sr0", "site": "/dev/sr1"}[drive]
    machine.run(f"mkdir -p {place}; ! mountpoint -q {place} || umount {place}")
    machine.insert(drive, DISCS / f"{disc}.iso")
    # The kernel notices a new disc when it is next asked.
    machine.run(f"for try in 1 2 3 4 5 6; do mount -o ro {device} {place} 2>/dev/null && break; sleep 2; done")
    machine.run(f"mountpoint -q {place}")
    return place


def typed_lines() -> list[str]:
    """The lines of the paper that are typed: two digests, the check, the start."""
    wanted = re.compile(r"^(BOOTSTRAP=|ROOT=|cp /media/disc/bootstrap\.sh |sh /root/bootstrap\.sh )")
    lines = [line for line in PAPER.read_text().splitlines() if wanted.match(line)]
    assert len(lines) == 4, f"{PAPER} does not have the four lines to type"
    return lines


def type_check(machine: Machine) -> str:
    """Type the paper's digests and the check of `bootstrap.sh`; returns what the host answered."""
    return machine.run(_shell("\n".join(typed_lines()[:3])), check=False)


def type_bootstrap(machine: Machine) -> None:
    """Type the check and the bootstrap without a site: the host then has the appliance's command and nothing more."""
    machine.run(_shell("\n".join(["set -e", *typed_lines()[:3], "sh /root/bootstrap.sh /media/disc"])) + " 2>&1")


def install(machine: Machine) -> str:
    """Both discs in, the paper's lines typed, as `vagrant up` does it; returns what the installation said."""
    mount(machine, "bundle", "disc-01")
    mount(machine, "site", "site")
    return machine.provision("site")


def prints() -> list[str]:
    """The options with what stands on paper, and the site's disc."""
    options = ["--root-fingerprint", people.fingerprint(SITE)]
    options += ["--officers-fingerprint", people.officers_fingerprint(SITE)]
    return ["--site", "/media/site", *options]


def install_from(machine: Machine, disc: str) -> str:
    """The command that installs from another disc of the installed appliance, with both discs mounted."""
    mount(machine, "bundle", disc)
    mount(machine, "site", "site")
    return shlex.join(["appliance", "host", "install", "/media/disc", *prints()])


def whole(machine: Machine) -> int:
    """The generation that runs, healthy and with nothing left to finish."""
    status = json.loads(machine.run("appliance host status --json"))
    assert status["healthy"], status
    assert status["unfinished"] == []
    return int(status["generation"])


def whole_after_a_start(machine: Machine) -> int:
    """The generation that runs once every unit has started and none has failed."""
    machine.run("systemctl is-system-running --wait", check=False)
    assert machine.run("systemctl --failed --plain --no-legend") == ""
    return whole(machine)


def _shell(script: str) -> str:
    return f"sh -c {shlex.quote(script)}"
