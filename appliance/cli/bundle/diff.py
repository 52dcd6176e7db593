"""`appliance bundle diff`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import Bundle, Json, MaybeFingerprint, print_json, size

if TYPE_CHECKING:
    from appliance.bundle.read.diff import Change


def diff(
    old: Bundle,
    new: Bundle,
    *,
    root_fingerprint: MaybeFingerprint = None,
    html: Annotated[Path | None, inputs.new_file_option("Write a page to print or to attach to an approval.")] = None,
    as_json: Json = False,
) -> None:
    """Show what changes from one bundle to the next: images, packages, licences, models, policies, labels.

    Example: appliance bundle diff bundle-1 bundle-2 --html changes.html
    """
    from appliance.bundle.read.diff import compare, sections, to_html  # keeps `appliance --help` quick

    difference = compare(old, new, root_fingerprint)
    if html:
        html.write_text(to_html(difference))
    if as_json:
        print_json(difference.model_dump(mode="json"))
        return
    print(f"version {difference.old.version} -> {difference.new.version}; {size(difference.to_carry)} to carry")
    for title, changes in sections(difference):
        print(f"{title}: {len(changes) or 'no change'}")
        for change in changes:
            _print_change(change)


def _print_change(change: "Change") -> None:
    sign = "+" if change.old is None else "-" if change.new is None else "~"
    values = [value[:19] if value.startswith("sha256:") else value for value in (change.old, change.new) if value]
    where = f"  ({', '.join(change.where)})" if change.where else ""
    print(f"  {sign} {change.name}  {' -> '.join(values)}{where}")
    for line in change.lines[2:]:
        print(f"      {line}")
