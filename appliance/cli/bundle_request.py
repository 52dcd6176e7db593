"""`appliance bundle request` and `appliance bundle seal`: signatures of people whose keys are elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import Bundle, Json, print_json


def request(
    bundle: Bundle,
    *,
    root: Annotated[Path, typer.Option(help="Folder with the chain of roots.")],
    out: Annotated[Path, typer.Option(help="The request that people sign with `keys sign`.")],
    marking: Annotated[str, typer.Option(help="Classification of the bundle.")] = "UNCLASSIFIED",
    days: Annotated[int, typer.Option(help="Validity in days.")] = 365,
) -> None:
    """Ask for signatures on a built bundle, when the people's keys are not on the build host."""
    from appliance.bundle.assemble import custom_of  # noqa: PLC0415  # keeps `appliance --help` quick
    from appliance.bundle.repository import list_files, prepare_repository  # noqa: PLC0415
    from appliance.trust.chain import RootChain  # noqa: PLC0415
    from appliance.trust.describe import describe  # noqa: PLC0415
    from appliance.trust.files import replace_file  # noqa: PLC0415
    from appliance.trust.publish import Edition  # noqa: PLC0415

    now = datetime.now(UTC)
    asked = prepare_repository(
        bundle,
        {path: custom_of(path, marking) for path in list_files(bundle / "targets")},
        chain=RootChain.load(root),
        edition=Edition(created=now, expires=now + timedelta(days=days)),
    )
    replace_file(out, asked.encode())
    print("\n".join(describe(asked)))


def seal(
    bundle: Bundle,
    file: Annotated[Path, typer.Argument(help="The completely signed request.")],
    *,
    as_json: Json = False,
) -> None:
    """Put the collected signatures into the bundle."""
    from appliance.bundle.repository import seal as seal_bundle  # noqa: PLC0415
    from appliance.trust.files import read_limited  # noqa: PLC0415
    from appliance.trust.request import LIMIT, Request  # noqa: PLC0415

    written = seal_bundle(bundle, Request.decode(read_limited(file, LIMIT), str(file)))
    if as_json:
        print_json(written.__dict__)
    else:
        print(f"{bundle}: version {written.version}, {written.files} targets, root {written.root_fingerprint}")
