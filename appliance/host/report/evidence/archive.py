"""The archive of a pack: a ZIP whose bytes follow from its files alone, and the host's signed list of them.

Nothing in it is compressed: what a compressor makes of the same bytes differs from machine to machine, and whoever
verifies a pack makes its bytes again and compares them.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict

from appliance.audit.events.marked import joined
from appliance.errors import ApplianceError
from appliance.host.report.evidence.assessment import Assessment
from appliance.trust import canonical, dsse
from appliance.trust.keys import PrivateKey, PublicKey, one_form
from appliance.trust.officers import payload_type

KIND = payload_type("evidence-pack")
MANIFEST, SIGNED = "manifest.json", "manifest.dsse.json"
MAXIMUM = 2 << 30
RULE = "an evidence pack is written in one way: its files by name, uncompressed, dated 1980-01-01, and nothing else"
REMEDY = "name the archive that `appliance evidence pack` wrote, or carry it again"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class File:
    """A file of a pack, and the encoded label of what is in it."""

    data: bytes
    label: str


class Entry(BaseModel):
    """A file in the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    sha256: str
    bytes: int
    label: str


class Manifest(BaseModel):
    """What the host signed.

    Attributes:
        site: name of the site.
        label: encoded label of the whole, the join of all files.
        marking: the same as a banner.
        time: when the host was looked at.
        version: version of the appliance.
        files: all files but the list itself and its signature.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str
    label: str
    marking: str
    time: str
    version: str
    files: tuple[Entry, ...]


@dataclass(frozen=True)
class _SameSigner:
    """The host's key, whose signature over the same bytes is the same (RFC 6979)."""

    key: PrivateKey

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def demo(self) -> bool:
        return self.key.demo

    @property
    def public(self) -> PublicKey:
        return self.key.public

    def sign(self, data: bytes) -> bytes:
        if not isinstance(self.key.private, ec.EllipticCurvePrivateKey):
            raise ApplianceError("the host signs with ECDSA P-384", remedy="appliance host rotate host")
        return one_form(self.key.private.sign(data, ec.ECDSA(hashes.SHA384(), deterministic_signing=True)))


def write(files: Mapping[str, File], seen: Assessment, key: PrivateKey) -> bytes:
    """The bytes of a pack.

    Args:
        files: all files but the list.
        seen: what was found; says site, marking and time.
        key: the host's.

    Raises:
        ApplianceError: the marking is not that of the files, or a name cannot stand in the archive.
    """
    if joined(file.label for file in files.values()).encode() != seen.label:
        raise ApplianceError(f"the pack is marked {seen.marking}, and its files are not", rule="a join is the marking")
    manifest = Manifest(
        site=seen.site,
        label=seen.label,
        marking=seen.marking,
        time=seen.time.isoformat(),
        version=seen.version,
        files=tuple(
            Entry(path=path, sha256=sha256(file.data), bytes=len(file.data), label=file.label)
            for path, file in sorted(files.items())
        ),
    )
    value = manifest.model_dump(mode="json")
    plain = {path: file.data for path, file in files.items()}
    plain[MANIFEST] = canonical.encode(value)
    plain[SIGNED] = dsse.sign(value, KIND, [_SameSigner(key)])
    return pack(plain)


def pack(files: Mapping[str, bytes]) -> bytes:
    """The one archive of ``files``.

    Raises:
        ApplianceError: a name cannot stand in it.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
        for name, data in sorted(files.items()):
            if not _NAME.fullmatch(name):
                raise ApplianceError(f"{name!r} cannot be the name of a file in a pack", rule=RULE)
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return made.getvalue()


def unpack(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of an archive that can be read, and what is wrong with the archive itself.

    Raises:
        ApplianceError: it is no archive at all.
    """
    files: dict[str, bytes] = {}
    findings: list[str] = []
    try:
        whole = _read(path)
        with zipfile.ZipFile(io.BytesIO(whole)) as packed:
            for entry in packed.infolist():
                if not _NAME.fullmatch(entry.filename) or entry.filename in files:
                    findings.append(f"{entry.filename[:200]!r}: a name that cannot stand here, or twice")
                elif entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                    findings.append(f"{entry.filename}: is compressed or encrypted")
                else:
                    _take(packed, entry, files, findings)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ApplianceError(f"{path}: is not an evidence pack: {error}", rule=RULE, remedy=REMEDY) from error
    if not findings and pack(files) != whole:
        findings.append("the archive: bytes beside its files differ from how a pack is written")
    return files, findings


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAXIMUM:
        raise ApplianceError(f"{path}: is larger than {MAXIMUM} bytes", rule=RULE, remedy=REMEDY)
    return path.read_bytes()


def _take(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, files: dict[str, bytes], findings: list[str]) -> None:
    try:
        files[entry.filename] = packed.read(entry)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        findings.append(f"{entry.filename}: cannot be read: {error}")
