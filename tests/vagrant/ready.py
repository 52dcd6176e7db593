"""What must be there before a scenario begins: the programs, and a libvirtd that answers."""

import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("vagrant", "virsh", "qemu-system-x86_64")
SECONDS = 30
SYSTEMD = Path("/run/systemd/system")


def problem() -> str:
    """What is missing, and the command that helps; empty when machines can be made."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"not installed: {', '.join(absent)}. Install them and make the machines' box: make box"
    try:
        asked = subprocess.run(
            ["virsh", "-q", "-c", "qemu:///system", "uri"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"libvirtd does not answer within {SECONDS} s. Restart it as root: {_start('restart')}"
    if asked.returncode != 0:
        why = " ".join(asked.stderr.split())
        return f"libvirtd does not run, or may not be asked by this user ({why}). Start it as root: {_start('start')}"
    return ""


def _start(verb: str) -> str:
    """The command that starts libvirtd on this machine."""
    if SYSTEMD.is_dir():
        return f"systemctl {verb} libvirtd"
    return "virtlogd --daemon && libvirtd --daemon"


def main() -> int:
    """Say what is missing; 0 when machines can be made."""
    if found := problem():
        print(f"no machine can be made: {found}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
