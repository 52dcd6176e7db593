"""`appliance bundle request` and `appliance bundle seal`: signatures of people whose keys are elsewhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import Json, UnsignedBundle, print_json


def request(
    bundle: UnsignedBundle,
    *,
    root: Annotated[Path, inputs.folder_option("Folder with the chain of roots.", check=contents.is_chain)],
    out: Annotated[Path, inputs.new_file_option("The request that people sign with `appliance keys sign`.")],
    marking: Annotated[str, inputs.marking_option("Classification of the bundle.")] = "UNCLASSIFIED",
    days: Annotated[int, inputs.word_option("DAYS", "Validity in days.", min=1)] = 365,
    as_json: Json = False,
) -> None:
    """Ask for signatures on a built bundle, when the people's keys are not on the build host.

    Example: appliance bundle request bundle --root keys/root --out request.json
    """
    from appliance.bundle.build.assemble import custom_of  # keeps `appliance --help` quick
    from appliance.bundle.repository.metadata import list_files, prepare_repository
    from appliance.trust.files import replace_file
    from appliance.trust.repository.chain import RootChain
    from appliance.trust.repository.describe import describe
    from appliance.trust.repository.publish import Edition

    now = datetime.now(UTC)
    asked = prepare_repository(
        bundle,
        {path: custom_of(path, marking) for path in list_files(bundle / "targets")},
        chain=RootChain.load(root),
        edition=Edition(created=now, expires=now + timedelta(days=days)),
    )
    replace_file(out, asked.encode())
    lines = describe(asked)
    print_json({"file": str(out), "asks": lines}) if as_json else print("\n".join(lines))


def seal(
    bundle: UnsignedBundle,
    file: Annotated[Path, inputs.file_argument("The completely signed request.", metavar="REQUEST")],
    *,
    as_json: Json = False,
) -> None:
    """Put the collected signatures into the bundle.

    Example: appliance bundle seal bundle request.json
    """
    from appliance.bundle.repository.metadata import seal as seal_bundle
    from appliance.trust.files import read_limited
    from appliance.trust.repository.request import LIMIT, SigningRequest

    written = seal_bundle(bundle, SigningRequest.decode(read_limited(file, LIMIT), str(file)))
    if as_json:
        print_json(written.__dict__)
    else:
        print(f"{bundle}: version {written.version}, {written.files} targets, root {written.root_fingerprint}")
