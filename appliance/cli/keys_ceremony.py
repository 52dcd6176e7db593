"""`appliance keys new`, `change`, `sign` and `finish`: ceremonies in which no two people need to meet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.options import Json, PassphraseFile, new_passphrase, open_key, print_json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.trust.request import Request

RootFolder = Annotated[Path, typer.Argument(help="Folder with 1.root.json and its successors.")]


def new(
    name: Annotated[str, typer.Argument(help="Who will hold the keys.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the two private and the two public keys.")],
    token: Annotated[
        str | None,
        typer.Option(help="PKCS#11 URI of a token for the ECDSA key: a new one, or the one named by object= or id=."),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Keys that protect nothing, marked DEMO.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make the two keys of a person who will sign bundles; the public halves (.pub) go to `keys change`.

    With a token, its module comes from APPLIANCE_PKCS11_MODULE or ?module-path= in the URI, and its PIN from
    ?pin-source=, APPLIANCE_PIN or a prompt: appliance keys new anna --out anna --token pkcs11:token=anna
    """
    from appliance.trust.ceremony import make_person  # noqa: PLC0415  # keeps `appliance --help` quick

    person = make_person(name, out, demo=demo, passphrase=new_passphrase(passphrase_file), token=token)
    first = f"{person.name}.{'token' if token else 'pem'}"
    if as_json:
        print_json({"name": person.name, "folder": str(out), "keyids": [key.keyid for key in person.public]})
    else:
        print(f"{person.name}: {out}/{first} and {person.name}.ml-dsa.pem; carry the .pub files")


def change(
    root: RootFolder,
    *,
    out: Annotated[Path, typer.Option(help="The request that people sign.")],
    add: Annotated[list[Path] | None, typer.Option(help="<name>.pub of who joins or has new keys; repeat.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A person who leaves; repeat.")] = None,
    threshold: Annotated[int | None, typer.Option(help="How many must sign from now on.")] = None,
    days: Annotated[int, typer.Option(help="Validity of the new root in days.")] = 1825,
) -> None:
    """Ask for the next root: people join, leave, or replace lost or compromised keys."""
    from appliance.trust.ceremony import next_people  # noqa: PLC0415
    from appliance.trust.chain import RootChain  # noqa: PLC0415
    from appliance.trust.describe import describe  # noqa: PLC0415
    from appliance.trust.request import request_next_root  # noqa: PLC0415

    chain = RootChain.load(root)
    enrolled = next_people(chain, add=add or [], remove=remove or [], threshold=threshold)
    request = request_next_root(chain, enrolled, datetime.now(UTC) + timedelta(days=days))
    _write(out, request)
    print("\n".join(describe(request)))


def sign(
    file: Annotated[Path, typer.Argument(help="The request.")],
    *,
    key: Annotated[Path, typer.Option(help="Your ECDSA key, <name>.pem, or <name>.token for one in a token.")],
    ml_dsa_key: Annotated[
        Path | None, typer.Option(help="Your ML-DSA key; by default <name>.ml-dsa.pem beside.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Read what a request asks for, and sign it with both of your keys; the file is changed in place."""
    from appliance.trust.describe import describe  # noqa: PLC0415
    from appliance.trust.root import Person  # noqa: PLC0415

    request = _read(file)
    if not as_json:
        print("\n".join(describe(request)))
    if not yes:
        typer.confirm("Is this what you want to sign?", abort=True)
    classical = open_key(key, passphrase_file)
    second = open_key(ml_dsa_key or key.with_name(f"{key.stem}.ml-dsa.pem"), passphrase_file)
    signed = request.sign(Person(classical.name, classical, second))
    if signed == request:
        raise ApplianceError(f"{classical.name} has nothing to sign in {file} now", remedy=request.next_step())
    _write(file, signed)
    if as_json:
        print_json({"signed_by": classical.name, "complete": signed.complete(), "next": signed.next_step()})
    else:
        print(f"signed by {classical.name}; {signed.next_step()}")


def finish(
    file: Annotated[Path, typer.Argument(help="The completely signed request of `keys change`.")],
    *,
    root: Annotated[Path, typer.Option(help="Folder with the chain of roots; receives the next one.")],
) -> None:
    """Add a completely signed root to the chain."""
    from appliance.trust.chain import RootChain  # noqa: PLC0415
    from appliance.trust.files import replace_file  # noqa: PLC0415

    request = _read(file)
    if not request.next_root or request.chain != RootChain.load(root):
        raise ApplianceError(f"{file}: is not about the next root of {root}", remedy="for bundles: `bundle seal`")
    chain = RootChain(request.files())
    chain.verify()
    for name, data in chain.files.items():
        if name not in request.chain.files:
            replace_file(root / name, data)
    print(f"{root}: root {len(chain)} is in force for the next bundle; the fingerprint on paper stays")


def _read(file: Path) -> "Request":
    from appliance.trust.files import read_limited  # noqa: PLC0415
    from appliance.trust.request import LIMIT, Request  # noqa: PLC0415

    return Request.decode(read_limited(file, LIMIT), str(file))


def _write(file: Path, request: "Request") -> None:
    from appliance.trust.files import replace_file  # noqa: PLC0415

    replace_file(file, request.encode())
