"""Further editions of the demonstration's bundle: built from a copy of the checkout in which one file differs."""

import shutil
import subprocess
from pathlib import Path

from demo.instance import REPOSITORY, Instance, appliance

SERVICE = Path("images/labeling/app/main.py")
CHANGED = '\nEDITION = "another"\n'
UNCHANGED = ""
BROKEN = '\nraise SystemExit("this edition does not start")\n'


def build_edition(instance: Instance, name: str, addition: str, *, checkout: Path = REPOSITORY) -> Path:
    """Build a bundle whose labeling service ends with ``addition``; its version is higher than any before.

    Args:
        instance: whose bundle it is a further edition of.
        name: of its folder beside the bundle.
        addition: Python text that is added to the service's main module.
        checkout: what it is a copy of.

    Returns:
        The bundle's folder.
    """
    home = instance.build / "editions"
    source, bundle = home / "checkout", home / name
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(bundle, ignore_errors=True)
    home.mkdir(exist_ok=True)
    copy_checkout(checkout, source)
    with (source / SERVICE).open("a") as file:
        file.write(addition)
    subprocess.run(["cp", "--archive", "--reflink=auto", str(newest(instance)), str(bundle)], check=True)
    appliance(instance, "bundle", "build", "--source", source, "--out", bundle, "--keys", instance.keys)
    (home / "newest").unlink(missing_ok=True)
    (home / "newest").symlink_to(name)
    return bundle


def copy_checkout(checkout: Path, target: Path, *, modes: bool = True) -> Path:
    """Copy what a bundle is built from, without what was built before: the folder ``build`` at its top alone.

    Args:
        checkout: what is copied.
        target: new folder.
        modes: whether files keep their modes and times.
    """

    def ignored(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith(".") or name in ("__pycache__", "node_modules")}
        return hidden | ({"build"} & set(names) if Path(folder) == checkout else set())

    copy = shutil.copy2 if modes else shutil.copyfile
    return Path(shutil.copytree(checkout, target, ignore=ignored, symlinks=True, copy_function=copy))


def build_first_again(instance: Instance) -> None:
    """Sign the demonstration's own bundle as the newest again, so that it can be installed after other editions."""
    latest = newest(instance)
    for metadata in (latest / "metadata").iterdir() if latest != instance.bundle else ():
        shutil.copyfile(metadata, instance.bundle / "metadata" / metadata.name)
    appliance(instance, "bundle", "build", "--out", instance.bundle, "--keys", instance.keys)
    shutil.rmtree(instance.build / "editions", ignore_errors=True)


def newest(instance: Instance) -> Path:
    """The bundle with the highest version."""
    latest = instance.build / "editions" / "newest"
    return latest.resolve() if latest.exists() else instance.bundle
