"""The catalogue of services: where commands find it, and `appliance bundle catalogue`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import Json, print_json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.contract.catalogue import Catalogue

CatalogueFile = Annotated[
    Path | None,
    inputs.word_option(
        "BUNDLE", "A bundle's folder, or its exported catalogue [the checkout's own services].", "--catalogue"
    ),
]


def chosen_catalogue(path: Path | None) -> "Catalogue | None":
    """The catalogue in a bundle, a file or the checkout that this runs from; None where none of them is at hand.

    Raises:
        ApplianceError: ``path`` holds none.
    """
    from appliance.bundle.build.make import checkout  # keeps `appliance --help` quick
    from appliance.contract.catalogue import TARGET, compile_catalogue, read_catalogue

    if path is None:
        try:
            return compile_catalogue(checkout() / "images")
        except ApplianceError:
            return None
    file = path / "targets" / TARGET if path.is_dir() else path
    try:
        return read_catalogue(file.read_bytes(), str(file))
    except OSError as error:
        raise ApplianceError(
            f"{path}: holds no catalogue of services: {error.strerror}",
            rule="a bundle carries one in targets/policies/catalogue.json",
            remedy="name a bundle's folder, or what `appliance bundle catalogue --out FILE` wrote",
        ) from error


def required_catalogue(path: Path | None) -> "Catalogue":
    """The same where the command cannot do without.

    Raises:
        ApplianceError: none is at hand.
    """
    found = chosen_catalogue(path)
    if found is None:
        raise ApplianceError(
            "no catalogue of services is at hand",
            rule="which services need what is written in the bundle's catalogue",
            remedy="--catalogue with a bundle's folder, or with what `appliance bundle catalogue --out FILE` wrote",
        )
    return found


def catalogue(
    bundle: Annotated[
        Path | None, inputs.word_argument("BUNDLE", "The bundle's folder [the checkout's own services].")
    ] = None,
    *,
    out: Annotated[Path | None, inputs.new_file_option("Write the catalogue to this file, for `site check`.")] = None,
    as_json: Json = False,
) -> None:
    """Show which services a bundle offers, and what each answers and records; or write it for the officers.

    The bundle is not verified here: `appliance bundle verify` does that.

    Example: appliance bundle catalogue bundle --out catalogue.json
    """
    found = required_catalogue(bundle)
    if out is not None:
        out.write_bytes(found.encode())
    if as_json:
        print_json({"sha256": found.digest} | found.model_dump(mode="json"))
        return
    for manifest in found:
        down = sum(route.read_down for route in manifest.routes)
        print(f"{manifest.name:<14} {manifest.purpose}")
        print(f"{'':<14} {len(manifest.routes)} routes, {down} of them read from above")
        print(f"{'':<14} records {', '.join(sorted(manifest.activities))}")
    print(f"SHA-256 {found.digest}" + (f", written to {out}" if out else ""))
