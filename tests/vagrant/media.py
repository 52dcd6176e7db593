"""What is carried to the machines: a bundle with a tiny model, the officers' site folder, both on images of discs.

Everything is below ``build/vagrant`` and made with demonstration keys by the appliance's own commands.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from appliance.bundle.build.make import default_cache
from appliance.bundle.inputs.process import run
from demo import editions, people
from demo.instance import REPOSITORY, Instance, appliance
from tests.vagrant import model

SITE = Instance(
    "vagrant",
    5,
    REPOSITORY / "build/vagrant",
    Path("/var/lib/appliance"),
    Path("/run/appliance"),
    model=model.NAME,
    secret=("inference",),  # an emulated processor needs minutes to start a service
)
DISCS = SITE.build / "discs"
DISC_SIZE = "4.7GB"
PACKAGE = "tiny_llama"
TIME = (2020, 1, 1, 0, 0, 0)


def prepare() -> None:
    """Make everything that is missing or whose inputs changed."""
    people.make_keys(SITE)
    source = _source()
    appliance(SITE, "bundle", "build", "--out", SITE.bundle, "--keys", SITE.keys, "--source", source)
    people.sign_site(SITE)
    _write_discs(source)


def _source() -> Path:
    """A copy of the checkout in which the model's role names the tiny model."""
    copy = SITE.build / "source"
    shutil.rmtree(copy, ignore_errors=True)
    listed = run(
        ["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        purpose="listing the checkout",
    )
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)
    role = copy / "roles/model/files"
    wheel = _model_wheel()
    description = {
        "name": model.NAME,
        "package": PACKAGE.replace("_", "-"),
        "pattern": "*.gguf",
        "licence": "Apache-2.0",
        "architecture": "llama",
        "parameters": model.PARAMETERS,
        "quantisation": "F32",
        "source": "tests/vagrant/model.py",
        "intended_use": "Tests on slow machines; its answers mean nothing.",
    }
    (role / "model.yml").write_text(yaml.safe_dump(description))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (role / "requirements.lock").write_text(f"{description['package']}=={model.VERSION} --hash=sha256:{digest}\n")
    return copy


def _model_wheel() -> Path:
    """The tiny model in the form in which a bundle takes models: a wheel in the store, found by its digest."""
    weights = SITE.build / f"{model.NAME}.gguf"
    model.write_model(weights)
    wheel = default_cache() / "store/wheels" / f"{PACKAGE}-{model.VERSION}-py3-none-any.whl"
    wheel.parent.mkdir(parents=True, exist_ok=True)
    about = f"{PACKAGE}-{model.VERSION}.dist-info"
    draft = SITE.build / wheel.name
    with zipfile.ZipFile(draft, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{PACKAGE}/{weights.name}", TIME), weights.read_bytes())
        archive.writestr(zipfile.ZipInfo(f"{about}/METADATA", TIME), f"Name: {PACKAGE}\nVersion: {model.VERSION}\n")
        archive.writestr(zipfile.ZipInfo(f"{about}/LICENSE", TIME), "Apache-2.0\n")
    if not wheel.exists() or wheel.read_bytes() != draft.read_bytes():
        shutil.copyfile(draft, wheel)
    return wheel


def _write_discs(source: Path) -> None:
    """Images of the bundle's discs, of two later bundles, of the site, of a user's things, and of a wrong disc."""
    stamp = DISCS / "made-of"
    inputs = [SITE.bundle / "metadata/hybrid.dsse.json", *sorted(SITE.site.glob("*.json")), Path(__file__)]
    made_of = hashlib.sha256(b"".join(file.read_bytes() for file in inputs)).hexdigest()
    if stamp.exists() and stamp.read_text() == made_of:
        return
    arriving, folders = DISCS.with_suffix(".new"), SITE.build / "folders"
    for folder in (arriving, folders):
        shutil.rmtree(folder, ignore_errors=True)
    arriving.mkdir()
    fingerprint = ("--root-fingerprint", people.fingerprint(SITE))
    appliance(SITE, "bundle", "split", SITE.bundle, folders, "--volume-size", DISC_SIZE, *fingerprint)
    for folder in sorted(path for path in folders.iterdir() if path.is_dir()):
        _image(folder, arriving / f"{folder.name}.iso", folder.name.upper().replace("-", "_"))
    _image(SITE.site, arriving / "site.iso", "SITE")
    for name, addition in (("update", editions.CHANGED), ("broken", editions.BROKEN)):
        edition = editions.build_edition(SITE, name, addition, checkout=source)
        _image(edition, arriving / f"{name}.iso", name.upper())
    shutil.rmtree(SITE.build / "editions")
    _image(_user(folders / "user"), arriving / "user.iso", "USER")
    wrong = folders / "wrong"
    wrong.mkdir()
    (wrong / "README.txt").write_text("A disc of something else.\n")
    _image(wrong, arriving / "wrong.iso", "WRONG")
    shutil.rmtree(folders)
    (arriving / stamp.name).write_text(made_of)
    shutil.rmtree(DISCS, ignore_errors=True)
    arriving.rename(DISCS)


def _user(folder: Path) -> Path:
    """What a user is handed: the authority, a certificate for the browser and one for programs, the OpenAI client."""
    folder.mkdir()
    for name in ("ca.pem", *(f"annotator.{kind}" for kind in ("pem", "key", "p12", "p12.passphrase"))):
        shutil.copy2(SITE.subjects / name, folder / name)
    locked = SITE.build / "openai.lock"
    wanted, blocks = closure("openai"), re.split(r"\n(?=\S)", (REPOSITORY / "requirements-dev.lock").read_text())
    locked.write_text("\n".join(block for block in blocks if block.split("==")[0] in wanted) + "\n")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-input", "--progress-bar=off", "--no-deps"]
    run([*pip, "--require-hashes", "-r", locked, "-d", folder / "wheels"], purpose="fetching the OpenAI client")
    return folder


def closure(package: str) -> set[str]:
    """The names of ``package`` and of all that it needs here, as locks write them."""
    names, waiting = set[str](), [package]
    while waiting:
        if (name := canonicalize_name(waiting.pop())) not in names:
            names.add(name)
            needs = [Requirement(line) for line in metadata.requires(name) or []]
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return names


def _image(folder: Path, image: Path, name: str) -> None:
    run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", name, "-o", image, folder], purpose=f"writing {image.name}")


def main() -> int:
    """Prepare the media; 0 when they are there."""
    if os.geteuid() != 0:
        print("images are built by root: use sudo", file=sys.stderr)
        return 2
    try:
        prepare()
    except (AssertionError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
