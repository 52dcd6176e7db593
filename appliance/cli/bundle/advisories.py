"""`appliance bundle advisories`, and how findings are shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import Json, print_json, size
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.bundle.advisories.findings import Assessment

SHOWN = {"critical", "high"}


def advisories(
    out: Annotated[
        Path, inputs.new_file_argument("The feed to write; `appliance bundle build --advisories` carries it.")
    ],
    *,
    as_of: Annotated[
        datetime, inputs.word_option("DATE", "Day of the downloads, as 2026-11-20.", formats=["%Y-%m-%d"])
    ],
    debian: Annotated[Path | None, inputs.file_option("The Debian security tracker's data/json.")] = None,
    osv: Annotated[Path | None, inputs.folder_option("Folder with OSV's JSON files of PyPI and npm, unpacked.")] = None,
    bundle: Annotated[
        Path | None,
        inputs.folder_option(
            "Keep only advisories about packages of this bundle, to keep the feed small.",
            check=contents.is_bundle,
            metavar="BUNDLE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a feed of known vulnerabilities from the Debian security tracker's and OSV's data.

    Example: appliance bundle advisories feed.json --debian json --osv osv/ --bundle bundle --as-of 2026-11-20
    """
    from appliance.bundle.advisories.feed_import import import_feed  # keeps `appliance --help` quick
    from appliance.bundle.advisories.findings import packages_of
    from appliance.trust.files import read_limited, replace_file
    from appliance.trust.fingerprint import fingerprint
    from appliance.trust.repository.client import read_repository
    from appliance.trust.repository.metadata import LIMITS

    if debian is None and osv is None:
        raise typer.BadParameter("a feed is made of data: give --debian FILE or --osv FOLDER, or both")
    packages = None
    if bundle:
        root = fingerprint(read_limited(bundle / "metadata/1.root.json", LIMITS["root"]))
        repository = read_repository(bundle / "metadata", root, now=datetime.fromtimestamp(0, UTC))
        packages = packages_of(bundle, repository.targets)
        if not packages:
            raise ApplianceError(
                f"{bundle}: has no packages",
                rule="--bundle keeps the advisories about the packages of a bundle, by its SBOMs",
                remedy="name a whole bundle",
            )
    feed = import_feed(as_of.date(), tracker=debian, osv=osv, packages=packages)
    data = feed.encode()
    replace_file(out, data)
    if as_json:
        print_json({"file": str(out), "advisories": len(feed.advisories), "bytes": len(data), "sources": feed.sources})
    else:
        print(f"{out}: {len(feed.advisories)} advisories as of {as_of:%Y-%m-%d}, {size(len(data))}")


def print_assessment(assessment: "Assessment", *, every: bool = False) -> None:
    """Print what is known of vulnerabilities: one line, then the findings; the worst alone unless ``every``."""
    print(assessment.summary())
    shown = [finding for finding in assessment.open if every or finding.severity in SHOWN]
    for finding in shown:
        remedy = f"fixed in {' or '.join(finding.fixed)}" if finding.fixed else "no fix"
        state = "" if finding.status == "open" else f", {finding.status.replace('_', ' ')}"
        where = ", ".join(finding.where)
        print(
            f"  {finding.severity:<10} {finding.id:<16} {finding.package} {finding.version} ({where}); {remedy}{state}"
        )
    for finding in assessment.dismissed if every else ():
        where = ", ".join(finding.where)
        print(f"  {'dismissed':<10} {finding.id:<16} {finding.package} {finding.version} ({where}); {finding.reason}")
    for line in assessment.unmatched:
        print(f"  unused     {line}: matches nothing here; see that product and vulnerability are named as here")
    if len(shown) < len(assessment.open):
        print(f"  and {len(assessment.open) - len(shown)} less severe: --findings")
