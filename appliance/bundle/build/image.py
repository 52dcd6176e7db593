"""Build the layers of one image: Debian packages, wheels and npm files, then the code that runs in it.

Code is a layer of its own, so that a change of a line does not install hundreds of packages again. Every step runs
without a network; all inputs were checked against their locks by `appliance.bundle.inputs.collect`.
"""

import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.bundle.build import chroot, layer
from appliance.bundle.build.cache import CachedLayer, LayerCache, key_of
from appliance.bundle.build.modules import OwnCode
from appliance.bundle.inputs.collect import Artifact, stage
from appliance.bundle.inputs.debian import index_of
from appliance.bundle.inputs.process import run
from appliance.bundle.inputs.recipe import Recipe, User
from appliance.errors import ApplianceError

SITE_PACKAGES = "opt/appliance/site-packages"
APP = "opt/appliance/app"
_CODE_OF_A_BUILD = ("build/chroot.py", "inputs/debian.py", "build/image.py", "build/layer.py")

_DPKG_OPTIONS = """\
force-confold
force-unsafe-io
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
"""

_INSTALL = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
dpkg --force-depends --unpack /mnt/debs/*.deb
dpkg --configure --pending
rm /usr/sbin/policy-rc.d
test -z "$(dpkg --audit)"
"""

_COMPILE = "python3 -B -m compileall -q -j 1 --invalidation-mode unchecked-hash -i /mnt/modules\n"


@dataclass(frozen=True)
class ImageInputs:
    """Everything that one image is made of, its parents' inputs excluded."""

    recipe: Recipe
    folder: Path
    debs: list[Artifact] = field(default_factory=list)
    wheels: list[Artifact] = field(default_factory=list)
    npm: list[Artifact] = field(default_factory=list)
    own: OwnCode = field(default_factory=OwnCode)

    def artifacts(self) -> list[Artifact]:
        """All package files."""
        return [*self.debs, *self.wheels, *self.npm, *self.own.wheels]


@dataclass(frozen=True)
class ImageLayers:
    """The layers that an image adds to its parent's: ``dependencies``, and ``code`` where it has any."""

    dependencies: CachedLayer
    code: CachedLayer | None

    def layers(self) -> list[CachedLayer]:
        """In the order in which they are stacked."""
        return [self.dependencies, *([self.code] if self.code else [])]


def build_layers(inputs: ImageInputs, parents: list[ImageLayers], cache: LayerCache, epoch: int) -> ImageLayers:
    """Build, or find in ``cache``, the layers of one image.

    Args:
        inputs: what the image is made of.
        parents: layers of its ancestors, the root first.
        cache: layers built before.
        epoch: latest modification time in the image, in seconds.
    """
    below = [parent.dependencies for parent in parents]
    common = {"epoch": epoch, "builder": _builder_digest(), "below": [item.key for item in below]}
    recipe = inputs.recipe
    packages = [artifact.sha256 for artifact in (*inputs.debs, *inputs.wheels, *inputs.npm)]
    sources = {source: tree_digest(inputs.folder / source) for source in recipe.files}
    fields = {"npm_files", "user", "other_users", "files", "packages", "without"}
    described = recipe.model_dump(include=fields, mode="json")
    key = key_of(**common, packages=packages, sources=sources, recipe=described)

    def dependencies(tree: Path) -> None:
        if below:
            _install(tree, inputs, [item.tree for item in below], epoch)
        else:
            _bootstrap(tree, inputs, epoch)

    base = cache.get(key, dependencies, epoch)
    app, own = inputs.folder / "app", inputs.own.files
    if not app.exists():
        return ImageLayers(base, None)
    stack = [item.tree for item in (*below, base)]
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in own.items()}
    key = key_of(**common, dependencies=base.key, app=tree_digest(app), own=digests)
    return ImageLayers(base, cache.get(key, lambda tree: _add_code(tree, app, own, stack, epoch), epoch))


def tree_digest(path: Path) -> str:
    """A digest of a file's or folder's names and bytes; modes follow from these, and bytecode does not count."""
    digest = hashlib.sha256()
    for file in _files(path):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(path)} {content}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in found if "__pycache__" not in file.parts]


def _mode(file: Path) -> int:
    """Scripts are executable, nothing else: many a medium keeps no modes."""
    with file.open("rb") as content:
        return 0o755 if content.read(2) == b"#!" else 0o644


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder with modes that depend on its content."""
    for file in _files(source):
        place = target / file.relative_to(source) if source.is_dir() else target
        _make_folder(place.parent)
        shutil.copyfile(file, place)
        place.chmod(_mode(file))


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _builder_digest() -> str:
    here = Path(__file__).parents[1]
    return key_of(**{name: hashlib.sha256((here / name).read_bytes()).hexdigest() for name in _CODE_OF_A_BUILD})


@contextmanager
def _inputs_folder(artifacts: list[Artifact], near: Path) -> Iterator[Path]:
    """A folder with `debs/` holding just ``artifacts``, for one step."""
    with tempfile.TemporaryDirectory(prefix=".inputs-", dir=near) as name:
        debs = Path(name, "debs")
        debs.mkdir()
        stage(artifacts, debs)
        yield Path(name)


def _bootstrap(tree: Path, inputs: ImageInputs, epoch: int) -> None:
    """Make a root file system of exactly the locked packages."""
    with _inputs_folder(inputs.debs, tree.parent) as folder:
        (folder / "debs/Packages").write_bytes(index_of(inputs.debs, folder / "control"))
        options = [f"--dpkgopt={line}" for line in _DPKG_OPTIONS.splitlines()]
        command = ["mmdebstrap", "--quiet", "--variant=essential", "--mode=root", "--format=directory", *options]
        include = [f"--include={','.join(inputs.recipe.packages)}"] if inputs.recipe.packages else []
        source = f"deb [trusted=yes] copy:{folder / 'debs'} ./"
        run(
            [*chroot.ISOLATED, *command, *include, "", tree, source],
            purpose="making the base file system",
            environment={"SOURCE_DATE_EPOCH": str(epoch)},
        )
    installed = {line.split()[0] for line in (tree / "var/lib/dpkg/status").read_text().split("Package: ")[1:]}
    if installed != {deb.name for deb in inputs.debs}:
        difference = sorted(installed ^ {deb.name for deb in inputs.debs})
        raise ApplianceError(f"the base holds other packages than the lock: {difference}", remedy="run `make lock`")
    (tree / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").rename(tree / "etc/dpkg/dpkg.cfg.d/appliance")
    layer.remove_bytecode(tree)
    layer.clean(tree)
    layer.leave_out(tree, inputs.recipe.without)


def _install(tree: Path, inputs: ImageInputs, lowers: list[Path], epoch: int) -> None:
    """Add users, files, packages, wheels and npm files to ``tree``, which rests on ``lowers``."""
    recipe = inputs.recipe
    for source, target in recipe.files.items():
        _copy(inputs.folder / source, tree / target.lstrip("/"))
    _add_users([*([recipe.user] if recipe.user else []), *recipe.other_users], tree, lowers)
    if inputs.debs:
        with _inputs_folder(inputs.debs, tree.parent) as folder:
            _change(lowers, tree, _INSTALL, folder, epoch, f"installing Debian packages into {recipe.name}")
    if inputs.wheels:
        _install_wheels(inputs.wheels, tree / SITE_PACKAGES, epoch)
    for name, target in recipe.npm_files.items():
        _extract_npm(inputs.npm, name, tree / target.lstrip("/"))
    layer.remove_bytecode(tree)
    layer.clean(tree)
    layer.leave_out(tree, recipe.without)
    _compile(tree, lowers, epoch, recipe.name)


def _add_code(tree: Path, app: Path, own: dict[str, bytes], lowers: list[Path], epoch: int) -> None:
    for name, content in own.items():
        file = tree / SITE_PACKAGES / name
        _make_folder(file.parent)
        file.write_bytes(content)
        file.chmod(0o644)
    _copy(app, tree / APP)
    _compile(tree, lowers, epoch, "the code layer")


def _change(lowers: list[Path], tree: Path, script: str, folder: Path, epoch: int, purpose: str) -> None:
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
    chroot.change(lowers, tree, script, folder, environment, purpose)


def _add_users(users: list[User], tree: Path, lowers: list[Path]) -> None:
    if not users:
        return
    lines = {
        "passwd": [f"{user.name}:*:{user.uid}:{user.uid}::/nonexistent:/usr/sbin/nologin" for user in users],
        "group": [f"{user.name}:*:{user.uid}:" for user in users],
    }
    for name, added in lines.items():
        below = next(path for lower in reversed(lowers) if (path := lower / "etc" / name).exists())
        target = tree / "etc" / name
        _make_folder(target.parent)
        target.write_text(below.read_text() + "".join(f"{line}\n" for line in added))


def _install_wheels(wheels: list[Artifact], target: Path, epoch: int) -> None:
    """Install exactly ``wheels``; the programs they bring are left out, their first line would name the build host."""
    with tempfile.TemporaryDirectory(prefix=".wheels-") as name:
        stage(wheels, Path(name))
        requirements = Path(name, "requirements.txt")
        # By name, not by path: pip writes the path of a file into the installation.
        lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels]
        requirements.write_text("".join(lines))
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", name, *options]
        settings = {"SOURCE_DATE_EPOCH": str(epoch)}
        run([*command, "--target", target, "-r", requirements], purpose="installing wheels", environment=settings)
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/RECORD"):
        lines = [line for line in record.read_text().splitlines() if not line.startswith(("../", "bin/"))]
        record.write_text("\n".join(sorted(lines)) + "\n")
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _extract_npm(tarballs: list[Artifact], name: str, target: Path) -> None:
    """Write one file of an npm package to ``target``."""
    tarball = next(item for item in tarballs if name.startswith(f"{item.name}/"))
    inside = name.removeprefix(f"{tarball.name}/")
    with tarfile.open(tarball.path) as archive:
        try:
            content = archive.extractfile(f"package/{inside}")
        except KeyError:
            content = None
        if content is None:
            raise ApplianceError(f"npm package {tarball.name} {tarball.version} has no file {inside}")
        _make_folder(target.parent)
        target.write_bytes(content.read())
        target.chmod(0o644)


def _compile(tree: Path, lowers: list[Path], epoch: int, purpose: str) -> None:
    """Compile the Python modules of ``tree``, in sorted order: a `.pyc` depends on what was compiled before it."""
    roots = [*tree.glob("usr/lib/python3*"), tree / "opt/appliance"]
    modules = sorted(f"/{file.relative_to(tree)}" for root in roots for file in root.rglob("*.py") if file.is_file())
    if not modules:
        return
    with tempfile.TemporaryDirectory(prefix=".inputs-", dir=tree.parent) as name:
        Path(name, "modules").write_text("\n".join(modules) + "\n")
        _change(lowers, tree, _COMPILE, Path(name), epoch, f"compiling {len(modules)} Python modules of {purpose}")
