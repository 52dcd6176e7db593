"""A site of version 0.1.0 under this release: what is carried is listed before, nothing is lost, and the log goes on.

``v0_1_0/`` was made by that version's own code (``generate.py.txt``).
"""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from appliance.audit.events import kinds as events
from appliance.audit.events.kinds import Scope
from appliance.audit.log import anchor
from appliance.audit.log.note import Verifier
from appliance.audit.log.writer import Log
from appliance.audit.review.fsck import fsck
from appliance.audit.review.query import Filter, select
from appliance.audit.review.state import log_state
from appliance.enclave.paths import HostPaths
from appliance.host.change import carried
from appliance.host.change.carried import Part, State
from appliance.monitor.decide.offer import compare
from appliance.monitor.in_force import registries
from appliance.monitor.in_force.statements import check_not_older, installed_statements, read_statements
from appliance.trust import dsse
from appliance.trust.keys import PrivateKey
from appliance.trust.officers import payload_type
from images.labeling.app.migrate import MIGRATIONS
from tests.catalogue import CATALOGUE
from tests.component.service.database.cluster import Cluster
from tests.component.service.database.support import OLD_KEY, emptied, migrated, old_token, token_for
from tests.contexts import ADMISSION_KEY

FIXTURE = Path(__file__).parent / "v0_1_0"
RECORDS = 44


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    """The fixture as it lay on its host."""
    root = shutil.copytree(FIXTURE / "root", tmp_path / "root", symlinks=True)
    (root / "current").symlink_to("generations/1")
    (digest,) = (one.name for one in (root / "registries").iterdir() if one.is_dir() and not one.is_symlink())
    (root / "registries" / "current").unlink(missing_ok=True)
    (root / "registries" / "current").symlink_to(digest)
    (root / "enclaves" / "secret" / "database").mkdir()
    return HostPaths(root, tmp_path / "run")


def named(paths: HostPaths) -> dict[str, Part]:
    return {part.name: part for part in carried.look(paths, CATALOGUE)}


def test_each_part_is_listed_with_what_becomes_of_it(paths: HostPaths) -> None:
    parts = named(paths)
    states = {name: part.state for name, part in parts.items()}
    assert {name: states[name] for name in ("log", "site", "subjects", "access", "sessions", "keys of contexts")} == {
        "log": State.CARRIED,
        "site": State.CARRIED,
        "subjects": State.CARRIED,
        "access": State.SIGN,
        "sessions": State.ENDS,
        "keys of contexts": State.ENDS,
    }
    assert states["certificate of smollm2-135m-instruct.q4_1 in secret"] is State.AGAIN
    assert states["break-glass exercise-17"] is State.ENDS
    assert states["databases of 1 enclaves"] is State.CARRIED
    assert sum(name.startswith("certificate ") and name.endswith(".pem") for name in states) == 8
    assert carried.blocks(list(parts.values()))


def test_listing_changes_nothing(paths: HostPaths) -> None:
    def tree() -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in paths.root.rglob("*") if file.is_file()}

    before = tree()
    named(paths)
    assert tree() == before


def test_damage_is_listed_and_hides_nothing_else(paths: HostPaths) -> None:
    file = next((paths.root / "log" / "bodies").iterdir())
    file.write_bytes(file.read_bytes().replace(b"/labeling/tasks/7", b"/labeling/tasks/8"))
    access = paths.registries / "current" / "access.dsse.json"
    access.write_bytes(access.read_bytes().replace(b'"sig":"M', b'"sig":"N', 1))
    parts = named(paths)
    assert {name for name, part in parts.items() if part.state is State.DAMAGED} == {"log", "access"}
    assert parts["subjects"].state is State.CARRIED


def officers() -> list[PrivateKey]:
    found: list[PrivateKey] = []
    for file in sorted((FIXTURE / "officers").iterdir()):
        private: Any = serialization.load_pem_private_key(file.read_bytes(), None)
        found.append(PrivateKey(name=file.stem, demo=True, private=private))
    return found


def test_the_draft_that_two_officers_sign_opens_what_is_offered_and_takes_effect(
    paths: HostPaths, tmp_path: Path
) -> None:
    before = installed_statements(paths)
    draft = named(paths)["access"].draft
    assert draft is not None
    site = shutil.copytree(paths.root / "current" / "site", tmp_path / "site")
    shutil.copytree(paths.registries / "current", site, dirs_exist_ok=True)
    again = yaml.safe_load(yaml.safe_dump(draft))
    (site / "access.dsse.json").write_bytes(dsse.sign(again, payload_type("access"), officers()))
    fingerprint = (site / "officers.sha256").read_text().strip()
    after = read_statements(site, fingerprint)
    assert check_not_older(before, after) == []
    assert compare(after.policy, CATALOGUE).closed == ()
    assert "job" in after.policy.roles["evaluator"]["evaluation"]
    assert registries.accept(paths, site, fingerprint)
    assert installed_statements(paths).policy.version == before.policy.version + 1
    assert named(paths)["access"].state is State.CARRIED


def test_the_log_verifies_across_the_change_and_its_anchor_and_cosignature_hold(paths: HostPaths) -> None:
    log = paths.root / "log"
    vkey = (log / "log.vkey").read_text()
    before = [record.line() for record, _ in select(log, Filter())]
    assert len(before) == RECORDS

    async def grow() -> None:
        writer = Log.open(log, paths.root / "secrets" / "log.key")
        event = events.activity(Scope(label="U;;*"), "host", "log.anchor", detail={"what": "the release after"})
        await writer.append([event.record() for _ in range(300)])
        await writer.close()

    asyncio.run(grow())
    report = fsck(log, vkey)
    assert report.whole, report.findings[:3]
    assert report.size == RECORDS + 300
    assert [record.line() for record, _ in select(log, Filter())][:RECORDS] == before
    note = (FIXTURE / "root" / "log" / "anchored" / str(RECORDS)).read_bytes()
    assert anchor.check(log, Verifier.decode(vkey), note).size == RECORDS
    assert log_state(log, 0).unreviewed == 300, "what an officer cosigned before is reviewed still"


@pytest.fixture
def old(empty: Cluster) -> Cluster:
    """A database with what that version's service wrote, from its dump."""
    cluster = emptied(empty)
    with cluster.connect("labeling", "postgres") as connection:
        connection.execute("DROP SCHEMA IF EXISTS appliance, labeling CASCADE")
    command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(cluster.socket), "-U", "postgres", "labeling"]
    with (FIXTURE / "labeling.sql").open("rb") as dump:
        subprocess.run(command, stdin=dump, check=True, stdout=subprocess.DEVNULL)
    return cluster


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    tables = ("projects", "tasks", "preferences")
    return {name: connection.execute(f"SELECT count(*) FROM labeling.{name}").fetchone()[0] for name in tables}  # type: ignore[index]  # noqa: S608


def test_no_row_is_lost_and_the_key_that_services_had_counts_no_more(old: Cluster) -> None:
    with old.connect("labeling", "postgres") as owner:
        before = counts(owner)
        assert before == {"projects": 1, "tasks": 30, "preferences": 18}
        assert owner.execute("SELECT count(*) FROM appliance.context_key").fetchone() == (1,)
        migrated(old, MIGRATIONS)
        assert counts(owner) == before
        assert owner.execute("SELECT count(*) FROM appliance.context_key").fetchone() == (0,)
        assert owner.execute("SELECT key FROM appliance.admission_key").fetchone() == (ADMISSION_KEY,)
        assert migrated(old, MIGRATIONS) == []


def test_a_row_that_the_release_before_writes_after_a_return_is_there_when_this_one_comes_back(old: Cluster) -> None:
    migrated(old, MIGRATIONS)
    with old.connect("labeling", "migrate") as owner:  # what that release does when it starts again
        owner.execute(
            "INSERT INTO appliance.context_key (key) VALUES (%s) ON CONFLICT (one) DO UPDATE SET key = excluded.key",
            [OLD_KEY],
        )
    with old.connect("labeling", "labeling") as service, service.transaction():
        service.execute("SELECT appliance.admit(%s)", [old_token("POST")])
        project = service.execute(
            "INSERT INTO labeling.projects (label_id, portion, name, instruction)"
            " VALUES (appliance.label_id('S;;GBR,USA'), 'S//REL TO USA, GBR', 'in between', '') RETURNING id"
        ).fetchone()
    assert project is not None
    migrated(old, MIGRATIONS)
    with old.connect("labeling", "postgres") as owner:
        assert counts(owner) == {"projects": 2, "tasks": 30, "preferences": 18}
    with old.connect("labeling", "labeling") as service:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("SELECT appliance.admit(%s)", [old_token("POST")])
        with service.transaction():
            service.execute("SELECT appliance.admit(%s)", [token_for("labeling")])
            names = service.execute("SELECT name FROM labeling.projects ORDER BY name").fetchall()
            assert names == [("harbour",), ("in between",)]
