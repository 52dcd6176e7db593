"""A repository in memory, whose every part can be published honestly or by an attacker who holds some of the keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets, Timestamp  # type: ignore[attr-defined]

from appliance.trust.fingerprint import fingerprint
from appliance.trust.keys import ML_DSA, generate
from appliance.trust.repository import hybrid
from appliance.trust.repository.chain import RootChain
from appliance.trust.repository.client import Repository, verify_metadata
from appliance.trust.repository.metadata import Custom, Target
from appliance.trust.repository.publish import Edition, make_metadata, sign_role
from appliance.trust.repository.request import request_next_root, sign_with_all
from appliance.trust.repository.root import BUILDER_ID, Person, Registered, make_root

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
CUSTOM = Custom(kind="model", label="UNCLASSIFIED")


def person(name: str) -> Person:
    return Person(name, generate(name), generate(name, scheme=ML_DSA))


ANNA, BERT, CARL, DORA, EVE, FRED = (person(name) for name in ("anna", "bert", "carl", "dora", "eve", "fred"))
BUILDER = generate("builder").public


def enrol(*people: Person, threshold: int = 2) -> Registered:
    listed = {person.name: person.public for person in people}
    return Registered(people=listed, builders={BUILDER_ID: [BUILDER]}, threshold=threshold, demo=False)


def first_root(*people: Person, threshold: int = 2) -> RootChain:
    data = make_root(enrol(*people, threshold=threshold), version=1, expires=START + 1000 * DAY, signers=people)
    return RootChain({"1.root.json": data})


FIRST = first_root(ANNA, BERT, CARL)


class Simulator:
    """Publishes editions of a repository with one target; ``files`` is what lies on the medium."""

    first: ClassVar[dict[str, bytes]] = {}

    def __init__(self) -> None:
        self.chain = FIRST
        self.fingerprint = fingerprint(self.chain.roots[0])
        self.signers = [ANNA, BERT]
        self.known: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        if Simulator.first:
            self.files = dict(Simulator.first)
        else:
            self.publish(1)
            Simulator.first = dict(self.files)

    def publish(self, version: int, *, created: datetime = START, expires: datetime = START + 100 * DAY) -> None:
        """A new honest edition."""
        target = Target("models/small.gguf", 3, fingerprint(b"v%d" % version), CUSTOM)
        edition = Edition(created=created, expires=expires, version=version)
        self.files = make_metadata([target], chain=self.chain, people=self.signers, edition=edition)

    def accept(self, now: datetime = START + DAY) -> Repository:
        """What the host does: verify, and remember."""
        repository = verify_metadata(self.files, self.fingerprint, known=self.known, now=now)
        self.known = self.known | repository.files
        return repository

    def rotate(self, enrolled: Registered, *signers: Person) -> None:
        """The next root, as honest people make it."""
        request = request_next_root(self.chain, enrolled, START + 1000 * DAY)
        self.chain = RootChain(sign_with_all(request, signers).files())

    def signed(self, name: str) -> Any:
        """The signed part of a metadata file, to change and pass to :meth:`forge`."""
        return Metadata.from_bytes(self.files[name]).signed

    def forge(self, name: str, signed: Any, *signers: Person) -> None:
        """Replace one file by ``signed`` under the keys of ``signers``, and make everything above it fit again."""
        people = list(signers) or self.signers
        self.files[name] = sign_role(signed, people)
        if isinstance(signed, Targets):
            snapshot: Snapshot = self.signed("snapshot.json")
            snapshot.meta["targets.json"] = MetaFile(signed.version)
            self.forge("snapshot.json", snapshot, *signers)
        elif isinstance(signed, Snapshot):
            timestamp: Timestamp = self.signed("timestamp.json")
            timestamp.snapshot_meta = MetaFile(signed.version)
            self.forge("timestamp.json", timestamp, *signers)
        else:
            self.cover(*people)

    def cover(self, *people: Person) -> None:
        """Sign what lies on the medium with both algorithms."""
        files = {name: data for name, data in self.files.items() if name != hybrid.FILE}
        self.files[hybrid.FILE] = hybrid.sign(files, people)


def without_quantum_safe_key(victim: Person) -> Person:
    """What somebody has who broke ECDSA: the classical key of ``victim``, and an ML-DSA key of their own."""
    return replace(victim, quantum_safe=EVE.quantum_safe)
