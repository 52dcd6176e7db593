"""The first key ceremony: every key that a site and its supplier begin with, and what belongs on paper."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.trust import keys
from appliance.trust.certificates import make_authority
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import DEMO, DEMO_PASSPHRASE, ML_DSA, KeyFileError, Passphrase, PrivateKey, generate, mark
from appliance.trust.officers import Officers
from appliance.trust.root import BUILDER_ID, Person, Registered, make_root

ROOT_DAYS = 1825
MINIMUM_PASSPHRASE = 14


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
            f"{title}\n    {_groups(value[:32])}\n    {_groups(value[32:])}\n"
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
        raise KeyFileError("names of people are distinct, of letters, digits and dashes")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise KeyFileError(f"{folder}: is not empty", rule="a key is never overwritten", remedy="choose a new folder")
    secret = passphrase or _demonstration(folder)

    def make(name: str, role: str, path: str, scheme: str = keys.ECDSA) -> PrivateKey:
        key = generate(name, demo=demo, scheme=scheme)
        file = folder / path.format(name=key.name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        key.write(file, _long_enough(secret(key.name), key.name), role=role)
        file.with_suffix(".pub").write_text(key.public.keyval["public"])
        return key

    signing = [
        Person(
            name=mark(name, demo=demo),
            classical=make(name, "signs bundles", "people/{name}.pem"),
            quantum_safe=make(name, "signs bundles (ML-DSA-87)", "people/{name}.ml-dsa.pem", ML_DSA),
        )
        for name in people
    ]
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


def _demonstration(folder: Path) -> Passphrase:
    secret = secrets.token_urlsafe(24).encode()
    keys.write_private(folder / DEMO_PASSPHRASE, secret + b"\n")
    return lambda _: secret


def _long_enough(secret: bytes, name: str) -> bytes:
    if len(secret) < MINIMUM_PASSPHRASE:
        raise KeyFileError(
            f"the passphrase of {name} has {len(secret)} characters",
            rule=f"at least {MINIMUM_PASSPHRASE}: the file may fall into other hands",
            remedy="take several random words",
        )
    return secret


def _groups(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))
