"""The logs of the appliance's own processes where systemd does not keep them: cut before they fill the disk.

They tell a sysadmin what went wrong and are no evidence; the audit log is never cut. Podman cuts containers' logs.
"""

import os
import shutil

from appliance.enclave.paths import HostPaths

LARGEST = 10 << 20
NAMES = ("monitor.log", "watcher.log")


def roll(paths: HostPaths, largest: int = LARGEST) -> list[str]:
    """Move what is over ``largest`` bytes to ``<name>.1`` and go on with an empty file; returns the names.

    The writers append (``O_APPEND``) and keep their files open, so the content is copied and the file emptied in place;
    a line written in between may be lost.
    """
    rolled = []
    for name in NAMES:
        file = paths.root / name
        if not file.is_file() or file.stat().st_size <= largest:
            continue
        older = file.with_name(f"{name}.1")
        older.touch(0o600)
        older.chmod(0o600)  # before there is anything to read in it
        shutil.copyfile(file, older)
        os.truncate(file, 0)
        rolled.append(name)
    return rolled
