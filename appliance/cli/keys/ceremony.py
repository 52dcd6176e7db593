"""`appliance keys new`, `change`, `sign` and `finish`: ceremonies in which no two people need to meet."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import Demo, Json, PassphraseFile, new_passphrase, open_key, print_json
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.trust.repository.request import SigningRequest


def new(
    name: Annotated[str, inputs.word_argument("NAME", "Who will hold the keys.")],
    *,
    out: Annotated[Path, inputs.new_folder_option("Folder for the two private and the two public keys.")],
    token: Annotated[
        str | None,
        inputs.word_option(
            "URI", "PKCS#11 URI of a token for the ECDSA key: a new one, or the one named by object= or id=."
        ),
    ] = None,
    demo: Demo = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make the two keys of a person who will sign bundles; the public halves (.pub) go to `keys change`.

    With a token, its module comes from APPLIANCE_PKCS11_MODULE or ?module-path= in the URI, and its PIN from
    ?pin-source=, APPLIANCE_PIN or a prompt.

    Example:
        appliance keys new anna --out anna
        appliance keys new anna --out anna --token pkcs11:token=anna
    """
    from appliance.trust.ceremony import make_person  # keeps `appliance --help` quick

    person = make_person(name, out, demo=demo, passphrase=new_passphrase(passphrase_file), token=token)
    first = f"{person.name}.{'token' if token else 'pem'}"
    if as_json:
        print_json({"name": person.name, "folder": str(out), "keyids": [key.keyid for key in person.public]})
    else:
        print(f"{person.name}: {out}/{first} and {person.name}.ml-dsa.pem; carry the .pub files")


def change(
    root: Annotated[
        Path, inputs.folder_argument("Folder with 1.root.json and its successors.", check=contents.is_chain)
    ],
    *,
    out: Annotated[Path, inputs.new_file_option("The request that people sign.")],
    add: Annotated[list[Path] | None, inputs.file_option("<name>.pub of who joins or has new keys; repeat.")] = None,
    remove: Annotated[list[str] | None, inputs.word_option("NAME", "A person who leaves; repeat.")] = None,
    threshold: Annotated[int | None, inputs.word_option("NUMBER", "How many must sign from now on.", min=1)] = None,
    days: Annotated[int, inputs.word_option("DAYS", "Validity of the new root in days.", min=1)] = 1825,
    as_json: Json = False,
) -> None:
    """Ask for the next root: people join, leave, or replace lost or compromised keys.

    Example: appliance keys change keys/root --remove carl --add dora/dora.pub --out request.json
    """
    from appliance.trust.ceremony import next_people
    from appliance.trust.repository.chain import RootChain
    from appliance.trust.repository.describe import describe
    from appliance.trust.repository.request import request_next_root

    chain = RootChain.load(root)
    enrolled = next_people(chain, add=add or [], remove=remove or [], threshold=threshold)
    request = request_next_root(chain, enrolled, datetime.now(UTC) + timedelta(days=days))
    _write(out, request)
    lines = describe(request)
    print_json({"file": str(out), "asks": lines}) if as_json else print("\n".join(lines))


def sign(
    file: Annotated[Path, inputs.file_argument("The request; the signature is added to it.", metavar="REQUEST")],
    *,
    key: Annotated[Path, inputs.file_option("Your ECDSA key, <name>.pem, or <name>.token for one in a token.")],
    ml_dsa_key: Annotated[
        Path | None, inputs.file_option("Your ML-DSA key; by default <name>.ml-dsa.pem beside.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Read what a request asks for, and sign it with both of your keys; the file is changed in place.

    Example: appliance keys sign request.json --key anna.pem
    """
    from appliance.trust.repository.describe import describe
    from appliance.trust.repository.root import Person

    request = _read(file)
    if not (as_json and yes):
        print("\n".join(describe(request)), file=sys.stderr if as_json else sys.stdout)
    if not yes:
        typer.confirm("Is this what you want to sign?", abort=True, err=as_json)
    classical = open_key(key, passphrase_file)
    second = open_key(ml_dsa_key or key.with_name(f"{key.stem}.ml-dsa.pem"), passphrase_file)
    signed = request.sign(Person(classical.name, classical, second))
    if signed == request:
        raise ApplianceError(
            f"{classical.name} has nothing to sign in {file} now",
            rule="people sign in turn, each once for each part of a request",
            remedy=request.next_step(),
        )
    _write(file, signed)
    if as_json:
        print_json({"signed_by": classical.name, "complete": signed.complete(), "next": signed.next_step()})
    else:
        print(f"signed by {classical.name}; {signed.next_step()}")


def finish(
    file: Annotated[
        Path, inputs.file_argument("The completely signed request of `appliance keys change`.", metavar="REQUEST")
    ],
    *,
    root: Annotated[
        Path, inputs.folder_option("Folder with the chain of roots; receives the next one.", check=contents.is_chain)
    ],
    as_json: Json = False,
) -> None:
    """Add a completely signed root to the chain.

    Example: appliance keys finish request.json --root keys/root
    """
    from appliance.trust.files import replace_file
    from appliance.trust.repository.chain import RootChain

    request = _read(file)
    if not request.next_root or request.chain != RootChain.load(root):
        raise ApplianceError(
            f"{file}: is not about the next root of {root}",
            rule="a chain of roots takes the request that was made from it",
            remedy="for bundles: `appliance bundle seal`; otherwise make the request again",
        )
    chain = RootChain(request.files())
    chain.verify()
    for name, data in chain.files.items():
        if name not in request.chain.files:
            replace_file(root / name, data)
    text = f"{root}: root {len(chain)} is in force for the next bundle; the fingerprint on paper stays"
    print_json({"folder": str(root), "root": len(chain)}) if as_json else print(text)


def _read(file: Path) -> "SigningRequest":
    from appliance.trust.files import read_limited
    from appliance.trust.repository.request import LIMIT, SigningRequest

    return SigningRequest.decode(read_limited(file, LIMIT), str(file))


def _write(file: Path, request: "SigningRequest") -> None:
    from appliance.trust.files import replace_file

    replace_file(file, request.encode())
