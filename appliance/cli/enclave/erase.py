"""`appliance enclave erase` and the signing of what it needs."""

from pathlib import Path
from typing import Annotated

from appliance.cli.shared import inputs
from appliance.cli.shared.options import (
    ROOT,
    RUN,
    DryRun,
    Json,
    OfficerKey,
    PassphraseFile,
    Root,
    Run,
    Statement,
    print_json,
    sign_as_officer,
)


def sign_erasure(
    file: Annotated[Path, inputs.file_argument("YAML: site, enclave, marking, reason, expires.")],
    *,
    key: OfficerKey,
    out: Statement,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign, on your own machine, that an enclave is to be erased; two officers must.

    Example: appliance enclave sign-erasure erase.yml --key isso.pem --out erase.dsse.json
    """
    from appliance.host.data.crypto_erase import KIND, Erasure  # keeps `appliance --help` quick

    sign_as_officer(file, Erasure, KIND, key, out, passphrase_file, as_json=as_json)


def erase(
    name: Annotated[str, inputs.word_argument("ENCLAVE", "Name of the enclave, which site.yml no longer has.")],
    statement: Annotated[
        Path,
        inputs.file_argument("Of `appliance enclave sign-erasure`, signed by two officers.", metavar="STATEMENT"),
    ],
    *,
    root: Root = ROOT,
    run: Run = RUN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Destroy the keys, data and cold copies of an enclave that the site no longer has; recorded before.

    Example: appliance enclave erase project-x erase.dsse.json --dry-run
    """
    from appliance.enclave.paths import HostPaths
    from appliance.host.data.crypto_erase import erase as run_erase  # keeps `appliance --help` quick

    done = run_erase(HostPaths(root.resolve(), run), name, statement, dry_run=dry_run)
    if as_json:
        print_json({"erased": not dry_run} | done.as_dict())
        return
    print(f"{done.marking}\n{'would erase' if dry_run else 'erased'} {len(done.keys)} keys and {', '.join(done.data)}")
    if done.encrypted is None:
        print("NOT ENCRYPTED at rest: blocks stay readable until overwritten; sanitise the medium (NIST SP 800-88)")
    else:
        print(f"encrypted at rest ({done.encrypted}); destroy that key too when the disk leaves")
