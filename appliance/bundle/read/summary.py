"""The verification summary (SLSA VSA 1.2) that a host signs after it verified a bundle: what, against what, outcome."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.bundle.evidence.attestations import FOLDER
from appliance.bundle.read.verify import Report
from appliance.trust import canonical
from appliance.trust.files import replace_file
from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import PrivateKey
from appliance.trust.repository.client import Repository
from appliance.trust.statements import VERIFICATION_SUMMARY, sign_statement

VERIFIER_ID = "urn:mls-appliance:verifier"
POLICY_URI = "urn:mls-appliance:policy:bundle"
SLSA_VERSION = "1.2"


def make_summary(repository: Repository, report: Report, key: PrivateKey, *, now: datetime | None = None) -> bytes:
    """The signed summary of one verification.

    Its subjects are all targets, by path; its input attestations are the metadata files and the attestations of the
    images. The levels claim what was really checked: signed provenance from a registered builder is build level 1, as
    nothing proves to a site that the build platform was a hosted one.

    Args:
        repository: the proven metadata.
        report: the outcome, passed or failed.
        key: the host's key.
        now: time of verification, UTC.
    """
    policy = {
        "root": report.root,
        "threshold": repository.registered.threshold,
        "algorithms": ["ecdsa-sha2-nistp384", "ml-dsa-87/1"],
        "builders": sorted(repository.registered.builders),
        "referenceTime": report.reference_time.isoformat(),
    }
    attestations = {f"targets/{p}": t.sha256 for p, t in repository.targets.items() if p.startswith(f"{FOLDER}/")}
    inputs = {f"metadata/{name}": fingerprint(data) for name, data in repository.files.items()} | attestations
    levels = ["SLSA_BUILD_LEVEL_1", "APPLIANCE_SIGNED_BY_SEVERAL_PEOPLE"] if report.ok and report.images else []
    predicate: dict[str, Any] = {
        "verifier": {"id": VERIFIER_ID, "version": {"appliance": __version__}},
        "timeVerified": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceUri": f"urn:mls-appliance:bundle:{report.root}:{report.version}",
        "policy": {"uri": POLICY_URI, "digest": {"sha256": fingerprint(canonical.encode(policy))}},
        "appliance_policy": policy,
        "inputAttestations": [{"uri": name, "digest": {"sha256": inputs[name]}} for name in sorted(inputs)],
        "verificationResult": report.result,
        "verifiedLevels": levels,
        "appliance_findings": report.findings,
        "slsaVersion": SLSA_VERSION,
    }
    subjects = {path: target.sha256 for path, target in repository.targets.items()}
    return sign_statement(subjects, VERIFICATION_SUMMARY, predicate, [key])


def write_summary(repository: Repository, report: Report, key: PrivateKey, folder: Path) -> Path:
    """Write the summary into ``folder``, named by version, root and time, and return its path. Durable on return."""
    now = datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.version}-{report.root[:8]}-{now:%Y%m%dT%H%M%SZ}.vsa.dsse.json"
    replace_file(path, make_summary(repository, report, key, now=now))
    return path
