"""The verification summary (VSA) that the host signed of the bundle that runs, read back and verified."""

from dataclasses import dataclass
from pathlib import Path

from appliance.bundle.read.summary import VERIFIER_ID
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.trust.files import read_limited
from appliance.trust.keys import PublicKey, load_public_key
from appliance.trust.statements import MAXIMUM_SIZE, VERIFICATION_SUMMARY, verify_statement

FOLDER = "verifications"


@dataclass(frozen=True)
class Summary:
    """A summary: its file, how the verification ended, and the SHA-256 of every file that it is about."""

    file: str
    data: bytes
    result: str
    subjects: dict[str, str]


def host_keys(paths: HostPaths, own: PublicKey) -> dict[str, PublicKey]:
    """The host's key, and those with which it signed before, by name."""
    before = {file.stem: load_public_key(file) for file in sorted((paths.root / "trusted" / "host").glob("*.pub"))}
    return {name: key for name, key in before.items() if key != own} | {"host": own}


def newest(paths: HostPaths, uri: str, keys: dict[str, PublicKey]) -> Summary | None:
    """The newest summary that this host signed of the bundle that ``uri`` names; None without any."""
    found: list[tuple[str, Summary]] = []
    for file in sorted((paths.root / FOLDER).glob("*.vsa.dsse.json")):
        one = _read(file, uri, keys)
        found += [one] if one else []
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _read(file: Path, uri: str, keys: dict[str, PublicKey]) -> tuple[str, Summary] | None:
    data = read_limited(file, MAXIMUM_SIZE)
    try:
        statement = verify_statement(data, keys, file.name, predicate_types=[VERIFICATION_SUMMARY]).statement
    except ApplianceError:
        return None  # of another host, or not whole: it vouches for nothing here
    said = statement.predicate
    if said.get("resourceUri") != uri or said.get("verifier", {}).get("id") != VERIFIER_ID:
        return None
    subjects = {subject.name: subject.digest["sha256"] for subject in statement.subject}
    return str(said["timeVerified"]), Summary(file.name, data, str(said["verificationResult"]), subjects)
