"""`appliance enclave erase` and the signing of what it needs."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import ROOT, RUN, Json, PassphraseFile, Root, Run, add_officer, print_json, read_yaml
from appliance.enclave.render import HostPaths


def sign_erasure(
    file: Annotated[Path, typer.Argument(help="YAML: site, enclave, marking, reason, expires.")],
    *,
    key: Annotated[Path, typer.Option(help="The officer's key file.", exists=True)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The statement; a second officer adds to the same file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign, on your own machine, that an enclave is to be erased; two officers must.

    Example: appliance enclave sign-erasure erase.yml --key isso.pem --out erase.dsse.json
    """
    from appliance.enclave.site import validated  # noqa: PLC0415  # keeps `appliance --help` quick
    from appliance.host.crypto_erase import KIND, Erasure  # noqa: PLC0415
    from appliance.trust.officers import payload_type  # noqa: PLC0415

    value = validated(Erasure, read_yaml(file), file.name).model_dump(mode="json")
    print(f"{out}: {add_officer(out, value, payload_type(KIND), key, passphrase_file)} of 2 signatures")


def erase(
    name: Annotated[str, typer.Argument(help="The enclave, which site.yml no longer has.")],
    statement: Annotated[Path, typer.Argument(help="Signed by two officers: sign-erasure.")],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Destroy the keys, data and cold copies of an enclave that the site no longer has; recorded before.

    Example: appliance enclave erase project-x erase.dsse.json --dry-run
    """
    from appliance.host.crypto_erase import erase as run_erase  # noqa: PLC0415  # keeps `appliance --help` quick

    done = run_erase(HostPaths(root.resolve(), run), name, statement, dry_run=dry_run)
    if as_json:
        print_json({"erased": not dry_run} | done.as_dict())
        return
    print(f"{done.marking}\n{'would erase' if dry_run else 'erased'} {len(done.keys)} keys and {', '.join(done.data)}")
    if done.encrypted is None:
        print("NOT ENCRYPTED at rest: blocks stay readable until overwritten; sanitise the medium (NIST SP 800-88)")
    else:
        print(f"encrypted at rest ({done.encrypted}); destroy that key too when the disk leaves")
