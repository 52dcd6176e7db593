"""A small world for the model of the monitor: enclaves, people, and an oracle of the lattice written apart from it."""

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site, parse_site
from appliance.markings import Label
from appliance.monitor.decide.identity import CertificateVerifier
from appliance.monitor.decide.policy import AccessPolicy, parse_policy
from appliance.monitor.decide.registry import parse_registry
from appliance.monitor.in_force.current import InForce
from appliance.trust.certificates import issue_client, make_authority
from appliance.trust.keys import generate
from tests.catalogue import CATALOGUE
from tests.contexts import ADMISSION_KEY, DIGEST_KEY, GRANT_KEY, SIGNING_KEY

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEVELS = ("U", "CUI", "C", "S", "TS")
RANK = {"UNCLASSIFIED": 0, "SECRET": 3, "TOP SECRET": 4}
MARKINGS = {
    "low": "UNCLASSIFIED",
    "british": "SECRET//REL TO USA, GBR",
    "french": "SECRET//REL TO USA, FRA",
    "national": "SECRET//NOFORN",
    "controlled": "SECRET//ORCON/NOFORN",
    "top": "TOP SECRET//NOFORN",
}
PEOPLE: dict[str, dict[str, Any]] = {
    "anna": {"clearance": "TOP SECRET", "nationalities": ["USA"], "roles": ["analyst", "evaluator"]},
    "bob": {"clearance": "SECRET", "nationalities": ["USA"], "roles": ["analyst"], "groups": ["falcon"]},
    "claire": {"clearance": "SECRET", "nationalities": ["FRA"], "roles": ["analyst"]},
    "dan": {"clearance": "SECRET", "nationalities": ["GBR"], "roles": ["annotator", "evaluator"]},
    "eve": {"clearance": "UNCLASSIFIED", "nationalities": ["USA"], "roles": ["analyst"]},
    "both": {"clearance": "TOP SECRET", "nationalities": ["USA", "FRA"], "roles": ["analyst"], "groups": ["falcon"]},
}
RECIPIENTS = ("anna",)


def below(low: Label, high: Label) -> bool:
    """Whether information of ``low`` may flow to ``high``."""
    nations = low.rel is None or (high.rel is not None and high.rel <= low.rel)
    return LEVELS.index(low.level) <= LEVELS.index(high.level) and low.need <= high.need and nations


SEATS = tuple(f"{name}{place}" for name in PEOPLE for place in ("", "/second", "/renewed"))
"""Each person's certificates: at two workstations, and the one that was renewed while the first still counts."""
RENEWED = START + timedelta(days=10)


def person_at(seat: str) -> str:
    """Whose certificate it is."""
    return seat.partition("/")[0]


def cleared(person: dict[str, Any], label: Label) -> bool:
    """Whether ``person`` may know what has ``label``; nobody here holds a control."""
    nations = label.rel is None or set(person["nationalities"]) <= label.rel
    return RANK[person["clearance"]] >= LEVELS.index(label.level) and not label.need and nations


def site() -> Site:
    """Six enclaves of which some dominate each other, and the officers' own."""
    services = ["labeling", "evaluation", "inference"]
    enclaves: list[dict[str, Any]] = [
        {"name": name, "label": marking, "services": services, "models": ["m"]} for name, marking in MARKINGS.items()
    ]
    enclaves[-1] |= {"label": "TOP SECRET//REL TO USA, CAN"}
    enclaves.append({"name": "officers", "label": "TOP SECRET//NOFORN", "services": ["console"], "system_high": True})
    for number, enclave in enumerate(enclaves):
        enclave |= {
            "hostname": f"{enclave['name']}.site.test",
            "address": f"10.77.0.{number + 1}",
            "network": f"10.78.{number + 1}.0/24",
            "uids": 1_000_000 + number * 100_000,
        }
    return parse_site({"site": "model", "demo": True, "enclaves": enclaves})


def policy(version: int = 1) -> AccessPolicy:
    """The appliance's own rules, with one project for a group and one recorded decision of an originator."""
    rules = yaml.safe_load(Path("policies/access.yml").read_text())
    restricted = {"path": "/labeling/api/projects/falcon", "methods": ["GET"], "action": "read", "group": "falcon"}
    rules["routes"]["labeling"].insert(0, restricted)
    word = {"reference": "1", "originator": "J2", "path": "/labeling/api/export/*", "recipients": list(RECIPIENTS)}
    return parse_policy(rules | {"version": version, "originator_decisions": [word | {"expires": "2026-06-30"}]})


@dataclass
class World:
    """What is in force, and everybody's certificate as the gateway passes it on."""

    revoked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        issuer = make_authority(generate("ca", demo=True), now=START)
        self.authority = CertificateVerifier(issuer.pem)
        self.site = site()
        self.folder = tempfile.TemporaryDirectory()
        self.paths = HostPaths(Path(self.folder.name), Path(self.folder.name) / "run")
        for enclave in self.site.enclaves:
            published = self.paths.published(enclave.name) / "labeling"
            published.mkdir(parents=True)
            (published / "labeling,api,projects.json").write_text("{}")
        self.serials: dict[str, str] = {}
        self.certificates: dict[str, str] = {}
        self.valid: dict[str, tuple[float, float]] = {}
        begin, end = START - timedelta(days=1), START + timedelta(days=20)
        for seat in SEATS:
            since, until = (RENEWED, RENEWED + timedelta(days=35)) if seat.endswith("renewed") else (begin, end)
            certificate = issue_client(issuer, person_at(seat), not_before=since, not_after=until)
            self.certificates[seat] = quote(certificate.pem.decode())
            self.serials[seat] = format(certificate.certificate.serial_number, "x")
            self.valid[seat] = since.timestamp(), until.timestamp()
        for enclave in self.site.enclaves:
            workload = issue_client(
                issuer, "service:evaluation", organisation=enclave.name, not_before=begin, not_after=end
            )
            self.certificates[f"evaluation@{enclave.name}"] = quote(workload.pem.decode())

    def in_force(self) -> InForce:
        """What the officers signed last."""
        subjects = [
            {"name": name, "expires": "2026-12-31"}
            | fields
            | {"revoked": [self.serials[seat] for seat in sorted(self.revoked) if person_at(seat) == name]}
            for name, fields in PEOPLE.items()
        ]
        return InForce(
            site=self.site,
            registry=parse_registry({"subjects": subjects}),
            policy=policy(),
            policy_digest="0" * 64,
            authority=self.authority,
            catalogue=CATALOGUE,
            signing_key=SIGNING_KEY,
            admission_keys={(e.name, s): ADMISSION_KEY for e in self.site.enclaves for s in e.services},
            grant_key=GRANT_KEY,
            digest_keys={enclave.name: DIGEST_KEY for enclave in self.site.enclaves},
        )
