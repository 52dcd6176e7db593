"""`appliance audit prompt`: who asked a model a text that an officer suspects."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.audit import officers
from appliance.cli.shared import completion, inputs
from appliance.cli.shared.options import ROOT, RUN, Json, Root, print_json
from appliance.errors import ApplianceError


def prompt(
    file: Annotated[Path, inputs.file_argument("The suspected text, UTF-8; nothing of it is recorded.")],
    enclave: Annotated[
        str | None,
        inputs.word_option("ENCLAVE", "Only this enclave; otherwise all.", autocompletion=completion.enclaves),
    ] = None,
    officer: Annotated[str, inputs.word_option("NAME", "Who compares; recorded before.")] = "root",
    root: Root = ROOT,
    as_json: Json = False,
) -> None:
    """Find who asked a model exactly this text as the last of a request; exit 1 if nobody did.

    The log has such texts as digests under a key of each enclave, which is on this host alone: without it nobody finds
    out a text by trying. White space around the text does not count.

    Example: appliance audit prompt suspected.txt --enclave secret --officer isso
    """
    from appliance.audit.review import query
    from appliance.contract import digest
    from appliance.enclave.paths import HostPaths
    from appliance.monitor.in_force.statements import installed_statements

    paths = HostPaths(root, RUN)
    site = installed_statements(paths).site
    names = [one.name for one in site.enclaves if enclave in (None, one.name)]
    if not names:
        known = ", ".join(one.name for one in site.enclaves)
        raise ApplianceError(f"the site has no enclave {enclave!r}", remedy=f"one of {known}")
    try:
        asked = digest.text(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ApplianceError(f"{file}: is no UTF-8 text", rule="what a model is asked is text in UTF-8") from error
    wanted = {name: digest.recorded(asked, paths.digest_key(name).read_bytes()) for name in names}
    detail = {"digests": list(wanted.values())}
    officers.record(paths.root / "spool", site.system_high.encoded, officer, "prompt.compare", detail)
    found = [
        {
            "record": record.index,
            "time": datetime.fromtimestamp(event.time / 1000, UTC).isoformat(),
            "subject": event.subject,
            "enclave": event.unmapped.enclave,
            "request": (event.unmapped.detail or {}).get("request"),
            "on_behalf_of": (event.unmapped.detail or {}).get("on_behalf_of"),
        }
        for record, event in query.select(paths.root / "log", query.Filter(text="hmac-sha256:"))
        if wanted.get(event.unmapped.enclave) in (event.unmapped.inputs or ())
    ]
    if as_json:
        print_json({"digests": wanted, "found": found})
    for one in () if as_json else found:
        print(f"record {one['record']}: {one['time']} {one['subject']} in {one['enclave']}, request {one['request']}")
    if not found:
        if not as_json:
            print(f"nobody asked this in {', '.join(names)}; a text that differs by one character is another text")
        raise typer.Exit(1)
