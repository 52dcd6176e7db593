"""A virtual machine of the `Vagrantfile`: made, reached, given discs, restarted, cut from power."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import testinfra
from testinfra.host import Host

from demo.instance import REPOSITORY

DRIVES = {"bundle": "hda", "site": "hdb"}
BOOT_SECONDS = 1200  # under emulation, with other work on the machine


@contextmanager
def lent(name: str, *, keep: bool) -> Iterator["Machine"]:
    """A machine beside `enclave1`, for as long as it is needed; afterwards nothing of it is left unless it is kept."""
    machine = Machine(name)
    try:
        machine.up()
        yield machine
    finally:
        if not keep:
            machine.destroy()


@dataclass
class Machine:
    """One machine by the name that the `Vagrantfile` gives it."""

    name: str
    host: Host | None = field(default=None, init=False)

    @property
    def domain(self) -> str:
        """Its name in libvirt."""
        return f"{REPOSITORY.name}_{self.name}"

    def up(self) -> None:
        """Make it, or start it, with its addresses and nothing else."""
        self._vagrant("up", self.name, "--provision-with", "addresses")
        self.connect()

    def provision(self, name: str) -> str:
        """Run one provisioner of the `Vagrantfile`; returns what it said."""
        return self._vagrant("provision", self.name, "--provision-with", name)

    def destroy(self) -> None:
        """Leave nothing of it."""
        self._vagrant("destroy", "--force", self.name)
        self.host = None

    def connect(self) -> None:
        """Reach it over Vagrant's own network, as the user ``vagrant`` who may become root."""
        settings = REPOSITORY / "build/vagrant" / f"{self.name}.ssh"
        text = self._vagrant("ssh-config", self.name)
        settings.parent.mkdir(parents=True, exist_ok=True)
        # One connection for all commands: under emulation its cryptography takes seconds.
        shared = "  ControlMaster auto\n  ControlPath /run/appliance-%C\n  ControlPersist 60\n"
        settings.write_text(text.rstrip() + f"\n{shared}")
        self.host = testinfra.get_host(f"ssh://{self.name}", ssh_config=str(settings), sudo=True)

    def run(self, command: str, *, check: bool = True) -> str:
        """Run ``command`` as root there and return what it printed.

        Raises:
            AssertionError: it failed; the text is its own.
        """
        assert self.host is not None, "connect first"
        result = self.host.run(command)
        if check:
            assert result.rc == 0, (
                f"{self.name}: {command}: exit {result.rc}\n{result.stdout[-2000:]}{result.stderr[-4000:]}"
            )
        return str(result.stdout if result.rc == 0 else result.stdout + result.stderr)

    def send(self, file: Path, target: str) -> None:
        """Bring a file there, as people bring one on a medium."""
        settings = REPOSITORY / "build/vagrant" / f"{self.name}.ssh"
        command = ["scp", "-q", "-F", str(settings), str(file), f"{self.name}:/tmp/{file.name}"]
        subprocess.run(command, check=True)
        self.run(f"mv /tmp/{file.name} {target}")

    def fetch(self, file: str, target: Path) -> None:
        """Take a file from there, as people carry one on a medium."""
        settings = REPOSITORY / "build/vagrant" / f"{self.name}.ssh"
        self.run(f"install -o vagrant {file} /tmp/{target.name}")
        command = ["scp", "-q", "-r", "-F", str(settings), f"{self.name}:/tmp/{target.name}", str(target)]
        subprocess.run(command, check=True)
        self.run(f"rm /tmp/{target.name}")

    def insert(self, drive: str, disc: Path) -> None:
        """Put another disc into a drive (``bundle`` or ``site``); its tray must not be held by a mount."""
        command = ["virsh", "-q", "change-media", self.domain, DRIVES[drive], str(disc), "--update"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def reboot(self) -> float:
        """Restart it in good order and wait until it can be reached; returns the seconds."""
        before = self.boot_id()
        began = time.monotonic()
        self.run("systemctl reboot", check=False)
        self.wait_for_another_boot(before)
        return time.monotonic() - began

    def cut_power(self) -> None:
        """Take its power away: what this machine had not written to its disk is gone."""
        subprocess.run(["virsh", "-q", "destroy", self.domain], check=True)
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")

    def start(self) -> None:
        """Give it power again, and wait until it can be reached."""
        subprocess.run(["virsh", "-q", "start", self.domain], check=True)
        self.wait_for_another_boot("")

    def boot_id(self) -> str:
        """The kernel's name for this start of the machine."""
        return self.run("cat /proc/sys/kernel/random/boot_id").strip()

    def wait_for_another_boot(self, before: str) -> None:
        """Wait until the machine answers from a start other than ``before``.

        Raises:
            AssertionError: it does not come back.
        """
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            time.sleep(5)
            try:
                if re.fullmatch(r"[0-9a-f-]{36}", found := self.boot_id()) and found != before:
                    return
            except (AssertionError, RuntimeError):
                continue
        raise AssertionError(f"{self.name} did not come back within {BOOT_SECONDS} s")

    def _vagrant(self, *arguments: str) -> str:
        result = subprocess.run(
            ["vagrant", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert result.returncode == 0, f"vagrant {' '.join(arguments)}:\n{(result.stdout + result.stderr)[-4000:]}"
        return result.stdout
