"""Small real file systems that fill, go read-only and stop being readable, as disks do: ext4 in a file."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARGIN = 256 << 10


class Disk:
    """A mounted ext4.

    Args:
        folder: where it is mounted; its image lies beside it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._image = folder.with_suffix(".ext4")

    def make(self, size: int) -> None:
        """Make and mount it, ``size`` bytes large."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as file:
            file.truncate(size)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount it."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))
        self.folder.chmod(0o755)

    def unmount(self) -> None:
        """Unmount it, whoever uses it."""
        _run("umount", "--lazy", str(self.folder))

    def fill(self, free: int) -> None:
        """Leave ``free`` bytes."""
        self.empty()
        space = os.statvfs(self.folder)
        length = max(0, space.f_bavail * space.f_frsize - free - MARGIN)
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            if length:
                os.posix_fallocate(file.fileno(), 0, length)
            file.seek(length)
            with suppress(OSError):  # the rest block by block: a file's own map takes some
                while os.statvfs(self.folder).f_bavail * space.f_frsize > free and file.write(bytes(4096)):
                    pass
        os.sync()

    def empty(self) -> None:
        """Take away what :meth:`fill` put there."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def fail(self) -> None:
        """Go read-only at once, with files open, as the kernel does after an error of the disk (ext4(5), abort)."""
        _run("mount", "-o", "remount,abort", str(self.folder))

    def repair(self) -> None:
        """Check what is on the disk, and mount it again; as a copy, since others may hold the file system still."""
        self.unmount()
        copy = self._image.with_name(f"{self._image.name}.repaired")
        shutil.copyfile(self._image, copy)
        self._image = copy
        subprocess.run(["e2fsck", "-fy", str(copy)], capture_output=True, check=False)
        self.mount()

    def lose(self, kept: int) -> None:
        """Answer each read behind the first ``kept`` bytes of the disk with an error (EIO)."""
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("1")
        os.truncate(self._image, kept)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Disk]:
    """A disk of ``size`` bytes, mounted at ``folder``."""
    made = Disk(folder)
    made.make(size)
    try:
        yield made
    finally:
        made.unmount()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
