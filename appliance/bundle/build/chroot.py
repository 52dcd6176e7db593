"""Change a root file system by its own programs, without a network, in namespaces that vanish with the process."""

import shutil
from pathlib import Path

from appliance.bundle.inputs.process import run

# The kernel takes the mounts away with the namespace, also when the build is killed.
ISOLATED = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "--"]

_ENTER = """
lower=$1 upper=$2 work=$3 merged=$4 inputs=$5
plain=redirect_dir=off,metacopy=off,index=off
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work,$plain" "$merged"
mount -t proc proc "$merged/proc"
mount -t tmpfs tmpfs "$merged/tmp"
mount -t tmpfs tmpfs "$merged/run"
mount -t tmpfs -o mode=755 tmpfs "$merged/dev"
for device in full null random urandom zero; do
  touch "$merged/dev/$device"
  mount --bind "/dev/$device" "$merged/dev/$device"
done
mount --bind "$inputs" "$merged/mnt"
mount -o remount,bind,ro "$merged/mnt"
exec chroot "$merged" /bin/sh -eu /mnt/script
"""


def change(
    lowers: list[Path], upper: Path, script: str, inputs: Path, environment: dict[str, str], purpose: str
) -> None:
    """Run ``script`` inside the file system made of ``lowers``; what changes lands in ``upper``.

    Args:
        lowers: root file systems on which the change rests, the lowest first.
        upper: receives changed files; may hold some already.
        script: for `/bin/sh -eu`; the inputs are at `/mnt`.
        inputs: folder shown read-only at `/mnt`; the script is written into it.
        environment: the script's whole environment, added to a minimal one.
        purpose: what is being done, for error messages.

    Raises:
        ApplianceError: the script failed.
    """
    work, merged = upper.with_name(f"{upper.name}.work"), upper.with_name(f"{upper.name}.merged")
    for folder in (upper, work, merged):
        folder.mkdir(exist_ok=True)
    (inputs / "script").write_text(script)
    minimal = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"} | environment
    settings = [f"{key}={value}" for key, value in sorted(minimal.items())]
    stack = ":".join(str(lower) for lower in reversed(lowers))
    try:
        arguments: list[str | Path] = [stack, upper, work, merged, inputs]
        run([*ISOLATED, "env", "-i", *settings, "/bin/sh", "-eu", "-c", _ENTER, "enter", *arguments], purpose=purpose)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        merged.rmdir()
