"""``bootstrap.sh``, with which a bare host begins, and the page of paper that vouches for it.

The script is a target like any other and lies a second time at the top of each medium, where people find it. It names
the packages that run the appliance's command, with size and SHA-256; those verify everything else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.bundle.repository.carry import hash_target
from appliance.trust.files import replace_file
from appliance.trust.fingerprint import fingerprint, in_groups
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.metadata import Target
from appliance.trust.repository.root import registered

if TYPE_CHECKING:
    from appliance.bundle.inputs.collect import Artifact

BOOTSTRAP_FILE = "bootstrap.sh"

KINDS_FIRST = ("bootstrap", "deb", "wheel")
"""Kinds of targets that a bare host needs before it can read anything else; they go on the first disc."""

_FOLDERS = {"deb": "debs", "wheel": "wheels"}


@dataclass(frozen=True)
class Listed:
    """A package in the script: path below ``targets/``, size in bytes, and SHA-256."""

    path: str
    size: int
    sha256: str


def bootstrap_script(packages: Sequence["Artifact"]) -> bytes:
    """The script that installs ``packages`` on a bare Debian 12 host; the same bytes for the same packages.

    Args:
        packages: Debian packages of Python and what it needs beyond a minimal system; wheels, pip's among them.
    """
    files = [Listed(f"{_FOLDERS[p.kind]}/{p.path.name}", p.path.stat().st_size, p.sha256) for p in packages]
    files.sort(key=lambda file: file.path)
    identity = hashlib.sha256("".join(f"{file.sha256}\n" for file in files).encode()).hexdigest()[:16]
    return _render("bootstrap.sh.j2", files=files, identity=identity)


def write_paper(bundle: Path, out: Path, chain: RootChain) -> Path:
    """Write the page to print: what to type on a bare host, with both lines that trust begins with.

    Args:
        bundle: the whole bundle.
        out: what is carried; the page is written beside it, never on the medium.
        chain: the roots.

    Returns:
        The page.
    """
    lines = {
        "bootstrap": fingerprint((bundle / "targets" / BOOTSTRAP_FILE).read_bytes()),
        "root": fingerprint(chain.roots[0]),
    }
    groups = {name: [in_groups(value[:32]), in_groups(value[32:])] for name, value in lines.items()}
    page = out.resolve().with_name(f"{out.resolve().name}.paper.txt")
    replace_file(page, _render("paper.txt.j2", lines=lines, groups=groups, demo=registered(chain.verify()).demo))
    return page


def place_copy(bundle: Path) -> None:
    """Put the script at the top of a bundle too, where people look for it."""
    copy, script = bundle / BOOTSTRAP_FILE, (bundle / "targets" / BOOTSTRAP_FILE).read_bytes()
    if not copy.exists() or copy.read_bytes() != script:
        replace_file(copy, script)


def check_copy(medium: Path, targets: Mapping[str, Target]) -> list[str]:
    """What is wrong with the copy of the script at the top of a medium; it may be absent there."""
    copy = medium / BOOTSTRAP_FILE
    if not copy.is_symlink() and not copy.exists():
        return []
    if BOOTSTRAP_FILE not in targets:
        return [f"{BOOTSTRAP_FILE}: not listed in the signed metadata"]
    finding = hash_target(copy, targets[BOOTSTRAP_FILE])
    return [finding.removeprefix("targets/")] if finding else []


def _render(template: str, **values: object) -> bytes:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # a verifier needs none of it

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701  # a shell script and a text, no HTML
    return environment.get_template(template).render(values).encode()
