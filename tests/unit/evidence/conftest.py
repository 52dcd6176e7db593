"""One host whose monitor runs, and one pack of it, for all tests here."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.log.policy import Policy
from appliance.host.report.evidence.assessment import Assessment
from appliance.host.report.evidence.build import build
from appliance.host.report.evidence.checks.looking import Host as Looked
from appliance.host.report.evidence.controls import FILE, Table
from appliance.host.report.evidence.verify import PackReport, verify
from tests.unit.evidence.site import TABLE, looked, served
from tests.unit.host.installed import Host


@dataclass(frozen=True)
class Packed:
    """A pack, and what it was made of."""

    looked: Looked
    data: bytes
    seen: Assessment
    table: Table
    folder: Path

    @property
    def policy(self) -> Policy:
        return Policy.decode(f"log {self.looked.log_key.encode()}\nquorum none\n")

    def verified(self, data: bytes) -> PackReport:
        file = self.folder / "pack.zip"
        file.write_bytes(data)
        return verify(file, self.looked.key.public, self.policy)


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as made:
        yield made


@pytest.fixture(scope="session")
def packed(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    one = looked(host, datetime.now(UTC).replace(microsecond=0))
    data, seen, table = build(one, {FILE: TABLE, "site/plan.txt": b"owners and dates"})
    return Packed(one, data, seen, table, tmp_path_factory.mktemp("packs"))
