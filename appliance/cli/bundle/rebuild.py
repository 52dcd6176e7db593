"""`appliance bundle rebuild`."""

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.shared import inputs
from appliance.cli.shared.options import Bundle, Json, RootFingerprint, print_json

if TYPE_CHECKING:
    from appliance.bundle.build.rebuild import Rebuilt


def rebuild(
    bundle: Bundle,
    *,
    root_fingerprint: RootFingerprint,
    only: Annotated[str | None, inputs.word_option("IMAGE", "Build this image and its parents alone.")] = None,
    work: Annotated[Path, inputs.folder_option("Disk with about 3 GB for what is built.")] = Path("/var/tmp"),  # noqa: S108  # a folder of our own is made in it
    as_json: Json = False,
) -> None:
    """Build a bundle's images again, from its own inputs and without a network, and compare with what was signed.

    Exit status: 0 every image is the same, 1 one differs or the bundle is refused.

    Example: appliance bundle rebuild /media/bundle --root-fingerprint 9f3c... --only gateway
    """
    from appliance.bundle.build.rebuild import rebuild as build_again  # keeps `appliance --help` quick

    def tell(image: "Rebuilt") -> None:
        if not as_json:
            state = "same   " if image.same else "DIFFERS"
            print(f"{state} {image.name:<12} {image.seconds:6.1f} s  sha256:{image.rebuilt}", flush=True)

    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="appliance-rebuild-", dir=work) as folder:
        images = build_again(bundle, root_fingerprint, Path(folder), tell, only=only)
    if as_json:
        print_json([asdict(image) | {"same": image.same} for image in images])
    if not all(image.same for image in images):
        raise typer.Exit(1)
