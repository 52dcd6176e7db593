"""`appliance user`."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import Json, PassphraseFile, print_json, read_passphrase
from appliance.errors import ApplianceError

app = typer.Typer(help="Issue certificates for the site's subjects.", no_args_is_help=True)


@app.callback()
def user() -> None:
    """Issue certificates for the site's subjects."""


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="The subject's registered name.")],
    *,
    ca: Annotated[Path, typer.Option(help="Folder of the site's authority (ca.pem, ca.key).")],
    out: Annotated[Path, typer.Option(help="Folder for the certificate.")],
    days: Annotated[int, typer.Option(help="Validity in days.", min=1, max=1825)] = 365,
    passphrase_file: PassphraseFile = None,
    browser_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase of the PKCS#12 file; without it, one is made and written beside.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue a client certificate: PEM and key for programs, PKCS#12 for browsers."""
    import secrets  # noqa: PLC0415

    from appliance.trust.certificates import issue_client, load_authority  # noqa: PLC0415
    from appliance.trust.keys import write_private  # noqa: PLC0415

    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise ApplianceError(
            f"{name!r} is not a subject's name",
            rule="subjects are registered in lower-case letters, digits and dashes",
            remedy="for workloads: `appliance site issue-certificates`",
        )
    authority = load_authority(ca, read_passphrase(passphrase_file) if passphrase_file else None)
    issued = issue_client(authority, name, not_after=datetime.now(UTC) + timedelta(days=days))
    issued.write(out, name)
    if browser_passphrase_file:
        secret = read_passphrase(browser_passphrase_file)
    else:
        secret = secrets.token_urlsafe(12).encode()
        write_private(out / f"{name}.p12.passphrase", secret + b"\n")
    write_private(out / f"{name}.p12", issued.pkcs12(name, authority.certificate, secret))
    (out / "ca.pem").write_bytes(authority.pem)
    files = [str(out / f"{name}.{kind}") for kind in ("pem", "key", "p12")]
    result = {
        "subject": name,
        "serial": format(issued.certificate.serial_number, "x"),
        "expires": issued.certificate.not_valid_after_utc.isoformat(),
        "demo": authority.key.demo,
        "files": files,
    }
    if as_json:
        print_json(result)
    else:
        print(f"{name}: serial {result['serial']}, until {result['expires']}{', DEMO' if authority.key.demo else ''}")
        print("\n".join(f"  {file}" for file in files))
