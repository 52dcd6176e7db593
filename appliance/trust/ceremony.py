"""The first key ceremony: every key that a site and its supplier begin with, and what belongs on paper."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.trust import keys
from appliance.trust.certificates import make_authority
from appliance.trust.fingerprint import fingerprint, in_groups
from appliance.trust.keys import (
    DEMO,
    DEMO_PASSPHRASE,
    ML_DSA,
    KeyFileError,
    Passphrase,
    PrivateKey,
    SigningKey,
    generate,
    load_public_key,
    mark,
)
from appliance.trust.officers import Officers
from appliance.trust.people import TOKEN_SUFFIX, write_token_file
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.root import BUILDER_ID, Person, Registered, make_root, registered

ROOT_DAYS = 1825
MINIMUM_PASSPHRASE = 14
ROLE = "signs bundles"
NAME_RULE = "names of people are distinct, of letters, digits and dashes"


@dataclass(frozen=True)
class Paper:
    """The lines that leave the ceremony on paper.

    Attributes:
        root: fingerprint of ``1.root.json``.
        officers: fingerprint of ``officers.json``.
        authority: SHA-256 of the site authority's certificate.
        demo: whether all of it is a demonstration.
    """

    root: str
    officers: str
    authority: str
    demo: bool

    def text(self) -> str:
        """A page to print: each fingerprint in groups of four digits, which people can compare."""
        mark_line = f"{DEMO} - {DEMO} - {DEMO}: keys of a demonstration, protecting nothing\n\n" if self.demo else ""
        lines = [
            f"{title}\n    {in_groups(value[:32])}\n    {in_groups(value[32:])}\n"
            for title, value in (
                ("Root of the bundle (SHA-256 of 1.root.json)", self.root),
                ("Officers of the site (SHA-256 of officers.json)", self.officers),
                ("Certificate authority of the site (SHA-256 of the certificate)", self.authority),
            )
        ]
        return f"{mark_line}MLS appliance: keep this page apart from the media\n\n" + "\n".join(lines)


def initialise(
    folder: Path,
    *,
    people: Sequence[str],
    threshold: int,
    officers: Sequence[str],
    certifiers: Sequence[str],
    passphrase: Passphrase | None,
) -> Paper:
    """Make all first keys in ``folder``, which must be absent or empty.

    Layout: ``people/<name>.pem`` and ``<name>.ml-dsa.pem``, ``officers/``, ``certifiers/``, ``builder.pem``,
    ``ca/ca.{pem,key}``, ``root/1.root.json``, ``officers.json``, ``paper.txt``; beside each private key its public
    half in PEM (``.pub``).

    Args:
        folder: where.
        people: names of those who sign bundles.
        threshold: how many of them must sign.
        officers: names of the site's security officers, at least two.
        certifiers: names of those who may certify evaluated models.
        passphrase: gives the passphrase for each holder; None makes a demonstration, whose one passphrase lies beside.

    Raises:
        ApplianceError: the folder has files, a name twice, or a passphrase is too short.
    """
    demo = passphrase is None
    names = [*people, *officers, *certifiers]
    if len(set(names)) != len(names) or not all(name.replace("-", "").isalnum() for name in names):
        raise KeyFileError(
            "two people have the same name, or a name has another character than letters, digits and dashes",
            rule=NAME_RULE,
            remedy="give each a name of their own, for example anna and bert",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise KeyFileError(f"{folder}: cannot be written: {error.strerror}", remedy="choose another folder") from error
    if occupied:
        raise KeyFileError(f"{folder}: is not empty", rule="a key is never overwritten", remedy="choose a new folder")
    secret = passphrase or _demonstration(folder)

    def make(name: str, role: str, path: str, scheme: str = keys.ECDSA) -> PrivateKey:
        key = generate(name, demo=demo, scheme=scheme)
        file = folder / path.format(name=key.name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        key.write(file, long_enough(secret(key.name), key.name), role=role)
        file.with_suffix(".pub").write_text(key.public.keyval["public"])
        return key

    signing = [make_person(name, folder / "people", demo=demo, passphrase=secret) for name in people]
    builder = make("builder", "attests what was built", "builder.pem")
    enrolled = Registered(
        people={person.name: person.public for person in signing},
        builders={BUILDER_ID: [builder.public]},
        threshold=threshold,
        demo=demo,
    )
    expires = datetime.now(UTC) + timedelta(days=ROOT_DAYS)
    root = make_root(enrolled, version=1, expires=expires, signers=signing)
    (folder / "root").mkdir()
    (folder / "root" / "1.root.json").write_bytes(root)

    authority = make_authority(make("site-authority", "issues certificates", "ca/ca.key"))
    (folder / "ca" / "ca.pem").write_bytes(authority.pem)
    for name in certifiers:
        make(name, "certifier", "certifiers/{name}.pem")
    listed = Officers(
        _type="officers",
        officers={
            key.name: key.public for key in [make(n, "security officer", "officers/{name}.pem") for n in officers]
        },
        authority=authority.fingerprint,
        demo=demo,
    ).encode()
    (folder / "officers.json").write_bytes(listed)
    paper = Paper(root=fingerprint(root), officers=fingerprint(listed), authority=authority.fingerprint, demo=demo)
    (folder / "paper.txt").write_text(paper.text())
    return paper


def make_person(name: str, folder: Path, *, demo: bool, passphrase: Passphrase, token: str | None = None) -> Person:
    """Make the two keys of a person who will sign bundles, in ``folder``, with their public halves beside.

    Args:
        name: who.
        folder: made when missing.
        demo: marks the keys as a demonstration's.
        passphrase: encrypts the key files.
        token: PKCS#11 URI of the token that holds the ECDSA key, or None to keep it in a file; the folder then has
            ``<name>.token``, which names it, in place of ``<name>.pem``. No token in use does ML-DSA, so that key is
            always in a file.

    Raises:
        ApplianceError: a key is there already, the passphrase is too short, or the token refuses.
    """
    if not name.replace("-", "").isalnum():
        raise KeyFileError(
            f"{name!r} cannot be the name of a person", rule=NAME_RULE, remedy="write for example anna or anna-2"
        )
    secret = long_enough(passphrase(mark(name, demo=demo)), name)
    folder.mkdir(parents=True, exist_ok=True)
    quantum_safe = generate(name, demo=demo, scheme=ML_DSA)
    files = [folder / f"{quantum_safe.name}{suffix}" for suffix in (".pem", TOKEN_SUFFIX, ".ml-dsa.pem")]
    for file in files:
        if file.exists():
            raise KeyFileError(
                f"{file}: exists already", rule="a key is never overwritten", remedy="choose a new folder"
            )
    classical: SigningKey
    if token is None:
        classical = generate(name, demo=demo)
        classical.write(files[0], secret, role=ROLE)
    else:
        from appliance.trust.token import TokenUri, enrol  # noqa: PLC0415  # needs a library of its own

        classical = enrol(TokenUri.parse(token), quantum_safe.name, demo=demo)
        write_token_file(files[1], classical, str(classical.uri), role=ROLE)
    quantum_safe.write(files[2], secret, role=ROLE)
    files[0].with_suffix(".pub").write_text(classical.public.keyval["public"])
    files[2].with_suffix(".pub").write_text(quantum_safe.public.keyval["public"])
    return Person(quantum_safe.name, classical, quantum_safe)


def next_people(
    chain: RootChain, *, add: Sequence[Path], remove: Sequence[str], threshold: int | None = None
) -> Registered:
    """Whom the next root registers.

    Args:
        chain: the roots so far.
        add: ``<name>.pub`` of people who join or have new keys, with ``<name>.ml-dsa.pub`` beside it.
        remove: names of those who leave.
        threshold: how many must sign from now on; by default as before.

    Raises:
        ApplianceError: a name that is not registered, or a file that is not a public key.
    """
    now = registered(chain.verify())
    for name in remove:
        if name not in now.people:
            raise KeyFileError(
                f"{name} does not sign bundles now",
                rule="a person who leaves is one of those in the last root",
                remedy=f"one of {', '.join(sorted(now.people))}",
            )
    people = {name: pair for name, pair in now.people.items() if name not in remove}
    for file in add:
        pair = load_public_key(file), load_public_key(file.with_name(f"{file.stem}.ml-dsa.pub"))
        if (pair[0].scheme, pair[1].scheme) != (keys.ECDSA, ML_DSA):
            raise KeyFileError(
                f"{file}: a person has an ECDSA key and, beside it, an ML-DSA key",
                rule="people who sign bundles have two keys",
                remedy="name <name>.pub of `appliance keys new`, with <name>.ml-dsa.pub beside it",
            )
        people[file.stem] = pair
    return replace(now, people=people, threshold=threshold or now.threshold)


def _demonstration(folder: Path) -> Passphrase:
    secret = secrets.token_urlsafe(24).encode()
    keys.write_private(folder / DEMO_PASSPHRASE, secret + b"\n")
    return lambda _: secret


def long_enough(secret: bytes, name: str) -> bytes:
    """The passphrase of a new key.

    Raises:
        KeyFileError: it is too short.
    """
    if len(secret) < MINIMUM_PASSPHRASE:
        raise KeyFileError(
            f"the passphrase of {name} has {len(secret)} characters",
            rule=f"at least {MINIMUM_PASSPHRASE}: the file may fall into other hands",
            remedy="take several random words",
        )
    return secret
