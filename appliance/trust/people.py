"""Open the keys of people where they keep them: in encrypted files, or in tokens that a small file names."""

from collections.abc import Sequence
from pathlib import Path

from appliance.trust.files import read_limited
from appliance.trust.keys import DEMO, KeyFileError, Passphrase, SigningKey, load_private_key, write_private
from appliance.trust.repository.root import Person

TOKEN_SUFFIX = ".token"  # noqa: S105  # the end of a file's name


def load_signing_key(path: Path, passphrase: Passphrase | None = None) -> SigningKey:
    """Open a person's key: an encrypted key file, or a ``.token`` file of `appliance keys new --token`.

    Raises:
        ApplianceError: the key cannot be read or opened.
    """
    if path.suffix != TOKEN_SUFFIX:
        return load_private_key(path, passphrase)
    from appliance.trust.token import TokenUri, open_token_key  # noqa: PLC0415  # needs a library of its own

    lines = read_limited(path, 4096).decode(errors="replace").splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    if not {"Holder", "Key"} <= set(fields):
        raise KeyFileError(f"{path}: does not name a key in a token", remedy="make one: `appliance keys new --token`")
    return open_token_key(TokenUri.parse(fields["Key"]), fields["Holder"], demo=fields.get(DEMO) == "yes")


def write_token_file(path: Path, key: SigningKey, uri: str, *, role: str) -> None:
    """Write the file that says in which token a key is; it holds no secret.

    Raises:
        KeyFileError: the file exists.
    """
    text = f"Holder: {key.name}\nRole: {role}\n{DEMO}: {'yes' if key.demo else 'no'}\nKey: {uri}\n"
    write_private(path, text.encode())


def load_people(folder: Path, names: Sequence[str], passphrase: Passphrase | None = None) -> list[Person]:
    """Open both keys of each of ``names``: ``<name>.pem`` or ``<name>.token``, and ``<name>.ml-dsa.pem``.

    Raises:
        ApplianceError: a key is missing or does not open.
    """
    people = []
    for name in names:
        token = folder / f"{name}{TOKEN_SUFFIX}"
        classical = load_signing_key(token if token.exists() else folder / f"{name}.pem", passphrase)
        people.append(Person(name, classical, load_private_key(folder / f"{name}.ml-dsa.pem", passphrase)))
    return people
