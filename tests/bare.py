"""A bare Debian 12 host inside this machine: a root file system of minimal packages, without a network."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.bundle.build.cache import key_of
from appliance.bundle.build.chroot import ISOLATED
from appliance.bundle.build.make import checkout, default_cache
from appliance.bundle.build.steps import Builder
from appliance.bundle.inputs.collect import stage
from appliance.bundle.inputs.debian import index_of
from appliance.bundle.inputs.lock import MINIMAL

_NAMESPACES = ["--mount", "--net", "--pid", "--ipc", "--uts"]

_MOUNT = """
set -eu
lower=$1 home=$2
shift 2
root=$home/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$home/upper,workdir=$home/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in fuse full null random tty urandom zero; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
# Each enclave's file system is mounted through a loop device (loop(4): block 7, control 10:237).
mknod "$root/dev/loop-control" c 10 237
for number in $(seq 0 63); do mknod "$root/dev/loop$number" b 7 "$number"; done
mkdir -p "$root/var/lib/appliance" "$root/.machine"
mount --bind "$home/state" "$root/var/lib/appliance"
hostname bare
ip link set lo up
# A root of its own and not a changed one, in which the kernel makes no user namespaces.
cd "$root"
pivot_root . .machine
cd /
touch "/.machine$home/ready"
# The first process of a host takes in those whose parents are gone.
while sleep 3600 & wait $!; do :; done
"""


@dataclass(frozen=True)
class BareHost:
    """A running bare host.

    Attributes:
        holder: process id of the program that keeps its namespaces.
    """

    holder: int

    def enter(self) -> list[str]:
        """The command that runs another one inside."""
        inside = ["nsenter", f"--target={self.holder}", *_NAMESPACES, "--"]
        clean = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        return [*inside, *clean]

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run what a person types in a root shell there."""
        command = [*self.enter(), "/bin/sh", "-c", f"cd /root; {line}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def insert(self, medium: Path, place: str) -> None:
        """Mount a folder of this machine read-only, in place of what is mounted there."""
        script = 'mkdir -p "$2"; umount "$2" 2>/dev/null || true; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"'
        subprocess.run([*self.enter(), "sh", "-euc", script, "insert", f"/.machine{medium}", place], check=True)

    def wire(self, addresses: list[str]) -> None:
        """Give the host addresses on a wire that leads nowhere."""
        commands = ["ip link add wire0 type veth peer name wire1", "ip link set wire0 up", "ip link set wire1 up"]
        commands += [f"ip addr add {address}/24 dev wire0" for address in addresses]
        inside = ["nsenter", f"--target={self.holder}", "--net", "--"]
        subprocess.run([*inside, "sh", "-euc", "; ".join(commands)], check=True)


@contextmanager
def bare_host(folder: Path) -> Iterator[BareHost]:
    """Start a bare host that keeps what it changes below ``folder``; all its processes end with it."""
    for name in ("root", "upper", "work", "state"):
        (folder / name).mkdir(parents=True)
    command = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"]
    script = [*command, "sh", "-c", _MOUNT, "mount", str(bare_root()), str(folder)]
    with subprocess.Popen(script) as process:
        try:
            until = time.monotonic() + 30
            while not (folder / "ready").exists():
                assert process.poll() is None, "the bare host did not start"
                assert time.monotonic() < until, "the bare host did not start in 30 s"
                time.sleep(0.05)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield BareHost(int(children[0]))
        finally:
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def bare_root() -> Path:
    """The root file system of a minimal Debian 12, made of the locked packages; kept by their digest."""
    cache = default_cache()
    builder = Builder(checkout(), cache, cache / "unused")
    debs = builder.store.deb_artifacts(builder.lock.closures[MINIMAL], builder.lock)
    home = cache / "bare" / key_of(debs=[deb.sha256 for deb in debs], variant="minbase")
    if not home.exists():
        home.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as name:
            repository = Path(name, "debs")
            repository.mkdir()
            stage(debs, repository)
            (repository / "Packages").write_bytes(index_of(debs, builder.store.folder / "control"))
            source = f"deb [trusted=yes] copy:{repository} ./"
            made = Path(name, "root")
            command = [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                "--mode=root",
                "--format=directory",
                "--include=apt",
            ]
            subprocess.run([*ISOLATED, *command, "", str(made), source], check=True)
            assert (made / "usr/bin/apt-get").exists()
            assert not (made / "usr/bin/python3").exists()
            made.rename(home)
    return home
