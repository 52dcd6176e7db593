"""Registry and lineage under the policies of the database; adapters are put there as runs leave them."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from appliance.markings import Restriction
from appliance.service.certificate import certify
from images.tuning.app.store.lineage import FIRST
from tests.component.service.database.support import assert_confined
from tests.component.tuning.support import Enclave
from tests.unit.inference.test_certificate import CERTIFIER, results
from tests.unit.service.support import LABEL

PLAIN, FALCON = Restriction.decode(f"{LABEL}||"), Restriction.decode(f"{LABEL}|falcon|")
SUSPEND: dict[str, Any] = {"action": "suspend"}


@pytest.fixture(autouse=True)
def emptied(enclave: Enclave) -> Iterator[None]:
    yield
    with enclave.cluster.connect("tuning", "postgres") as connection:
        connection.execute("TRUNCATE tuning.version, tuning.member, tuning.run, tuning.adapter, tuning.event CASCADE")
    shutil.rmtree(enclave.paths.state / "files", ignore_errors=True)


def registered(enclave: Enclave, version: str, content: bytes = b"adapter") -> str:
    """An adapter of a version that was read, as a run leaves it; its digest."""
    sha256 = hashlib.sha256(content + version.encode()).hexdigest()
    run, key, file = uuid4(), bytes(32), uuid4()
    enclave.client.app.state.volume.write(file, key, 0, content + version.encode())  # type: ignore[attr-defined]
    card = {
        "name": "banner", "sha256": sha256, "base": {"name": "smollm2", "sha256": enclave.base},
        "version": {"digest": f"sha256:{version}", "name": "one", "project": str(run)}, "restriction": PLAIN.encode(),
        "marking": "S", "method": "supervised", "configuration": {"rank": 8}, "result": {"steps": 3, "loss": 0.1},
        "packages": {"torch": "2.13.0+cpu"}, "licence": "as the base", "intended_use": "evaluation", "run": str(run),
        "made_by": "analyst",
    }  # fmt: skip
    with enclave.cluster.connect("tuning", "postgres") as connection:
        connection.execute(
            "INSERT INTO tuning.run (restriction_id, id, label_id, name, version, base, base_sha256, configuration,"
            " plan, key, created_by) SELECT restriction_id, %s, label_id, 'banner', digest, 'smollm2', %s, %s, %s, %s,"
            " 'analyst' FROM tuning.version WHERE digest = %s",
            [run, enclave.base, json.dumps(card["configuration"]), '{"steps": 3}', key, version],
        )
        connection.execute(
            "INSERT INTO tuning.adapter (restriction_id, sha256, label_id, run, name, version, object, size, key, card,"
            " created_by) SELECT restriction_id, %s, label_id, id, name, version, %s, %s, key, %s, created_by"
            " FROM tuning.run WHERE id = %s",
            [sha256, file, len(content) + len(version), json.dumps(card), run],
        )
    return sha256


def read(enclave: Enclave, **context: Any) -> tuple[str, str]:
    """A version that tuning read."""
    project, version = enclave.taught(8, **context)
    taken = enclave.take(project, version, **context)
    assert taken.status_code == 201, taken.text
    return project, version


def test_every_table_is_confined(enclave: Enclave) -> None:
    with enclave.cluster.connect("tuning", "postgres") as connection:
        assert_confined(connection, "tuning")


def test_who_is_no_member_learns_nothing(enclave: Enclave) -> None:
    """The same answers, byte by byte, with and without what is hidden."""
    _, plain = read(enclave)
    shown = registered(enclave, plain)
    paths = ("/versions", "/runs", "/adapters", f"/adapters/{shown}", f"/descendants/{plain}", "/jobs")
    before = [enclave.ask("GET", path).content for path in paths]
    member = {"groups": ("falcon",)}
    _, secret = read(enclave, **member)
    hidden = registered(enclave, secret, b"hidden")
    assert [enclave.ask("GET", path).content for path in paths] == before
    for path in (f"/adapters/{hidden}", f"/adapters/{hidden}/mlbom", f"/adapters/{hidden}/file"):
        assert enclave.ask("GET", path, action="export").status_code == 404
        assert enclave.ask("GET", path, action="export", **member).status_code == 200
    assert enclave.ask("GET", f"/descendants/{secret}").json()["adapters"] == []
    one = enclave.ask("GET", f"/adapters/{hidden}", **member).json()
    assert Restriction.decode(one["restriction"]) == FALCON
    assert enclave.ask("POST", f"/adapters/{hidden}/state", {"state": "revoked", "reason": "x"}).status_code == 404


def test_a_purge_suspends_every_descendant_whoever_may_know_of_it(enclave: Enclave) -> None:
    member = {"groups": ("falcon",)}
    _, plain = read(enclave)
    _, secret = read(enclave, **member)
    shown, other, hidden = (
        registered(enclave, plain), registered(enclave, plain, b"other"), registered(enclave, secret, b"hidden")
    )  # fmt: skip
    behind = enclave.ask("GET", f"/adapters/{shown}/records/after/{FIRST}").json()
    record = behind["records"][0]["record"]
    descendants = enclave.ask("GET", f"/descendants/{record}").json()["adapters"]
    assert {one["sha256"] for one in descendants} == {shown, other}
    purged = enclave.ask("POST", "/purges", {"name": record, "reason": "spilled"}, **SUSPEND)
    assert purged.status_code == 201, purged.text
    assert [enclave.ask("GET", f"/adapters/{one}").json()["state"] for one in (shown, other)] == ["suspended"] * 2
    assert enclave.ask("GET", f"/adapters/{hidden}", **member).json()["state"] == "candidate", "of another record"
    refused = enclave.ask("GET", f"/adapters/{shown}/file", action="export")
    assert (refused.status_code, "suspended: spilled" in refused.text) == (409, True)
    answer = enclave.ask("POST", "/purges", {"name": secret, "reason": "poisoned"}, **SUSPEND)
    assert answer.json() == purged.json() | {"purged": secret}, "the same answer as for what is not hidden"
    assert enclave.ask("GET", f"/adapters/{hidden}", **member).json()["state"] == "suspended"
    recorded = [one for one in enclave.monitor.records if one["activity"] == "tuning.purge"]
    assert [one["detail"] or one["inputs"] for one in recorded] == [{"task": record}, [f"sha256:{secret}"]]


def test_without_a_record_nothing_is_suspended(enclave: Enclave) -> None:
    _, version = read(enclave)
    shown = registered(enclave, version)
    enclave.monitor.unrecordable = {"tuning.purge"}
    try:
        assert enclave.ask("POST", "/purges", {"name": version, "reason": "x"}, **SUSPEND).status_code == 503
    finally:
        enclave.monitor.unrecordable = set()
    assert enclave.ask("GET", f"/adapters/{shown}").json()["state"] == "candidate"


def test_only_what_the_policy_calls_so_suspends(enclave: Enclave) -> None:
    with enclave.cluster.connect("tuning", "tuning") as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT tuning.purge('x', 'y')")
        for token in (enclave.token("POST", action="write"), enclave.token("GET", action="suspend")):
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT appliance.admit(%s, true)", [token])
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute("SELECT tuning.purge('x', 'y')")


def test_states_go_their_way_and_what_is_erased_is_gone(enclave: Enclave) -> None:
    _, version = read(enclave)
    shown = registered(enclave, version)

    def change(state: str) -> int:
        body = {"state": state, "reason": "because"}
        return enclave.ask("POST", f"/adapters/{shown}/state", body, **SUSPEND).status_code

    assert [change(state) for state in ("certified", "serving")] == [409, 409], "no click certifies"
    evaluated = results(model={"name": "smollm2", "sha256": enclave.base}, parameters={"adapter": {"sha256": shown}})
    other = results(model={"name": "smollm2", "sha256": enclave.base}, parameters={"adapter": {"sha256": "0" * 64}})
    assert enclave.certify(shown, certify(other, CERTIFIER, 30)).status_code == 409
    assert enclave.certify(shown, b"{}").status_code == 409
    entered = enclave.certify(shown, certify(evaluated, CERTIFIER, 30))
    assert entered.status_code == 201, entered.text
    ways = ("serving", "certified", "suspended", "serving", "erased")
    assert [change(state) for state in ways] == [200, 200, 200, 409, 200]
    one = enclave.ask("GET", f"/adapters/{shown}").json()
    assert [event["said"] for event in one["events"] if event["sort"] == "state"] == [
        "certified", "serving", "certified", "suspended", "erased"
    ]  # fmt: skip
    assert {event["sort"] for event in one["events"]} == {"state", "evaluation", "certificate"}
    assert enclave.ask("GET", f"/adapters/{shown}/file", action="export").status_code == 409
    with enclave.cluster.connect("tuning", "postgres") as connection:
        assert connection.execute("SELECT key FROM tuning.adapter").fetchone() == (None,)
    assert not list((enclave.paths.state / "files").iterdir())


def test_a_flipped_bit_on_the_volume_is_seen(enclave: Enclave) -> None:
    _, version = read(enclave)
    shown = registered(enclave, version)
    (file,) = [one for one in (enclave.paths.state / "files").rglob("0") if one.is_file()]
    data = bytearray(file.read_bytes())
    data[20] ^= 1
    file.write_bytes(data)
    assert enclave.ask("GET", f"/adapters/{shown}/file", action="export").status_code == 409


def test_what_a_run_may_not_learn_is_refused_when_it_is_read(enclave: Enclave) -> None:
    project, version = enclave.version(
        "classification", [{"data": {"text": f"Rain {n}"}} for n in range(9)], [{"labels": ["Weather"]}] * 9
    )
    refused = enclave.take(project, version)
    assert (refused.status_code, "same answer" in refused.text) == (409, True)
    assert enclave.take(project, "0" * 64).status_code == 409, "there is no such version"
    hidden = enclave.taught(8, groups=("falcon",))
    assert enclave.take(*hidden).status_code == 409, "nor for this person"
    assert enclave.ask("GET", "/versions").json()["versions"] == []


def test_a_version_whose_content_was_changed_is_refused(enclave: Enclave) -> None:
    project, version = enclave.taught(8)
    with psycopg.connect(f"host={enclave.cluster.socket} dbname=labeling user=postgres", autocommit=True) as connection:
        connection.execute(
            "UPDATE labeling.version_record SET content = replace(content, 'BLUE', 'GREY') WHERE project_id = %s",
            [project],
        )
    refused = enclave.take(project, version)
    assert (refused.status_code, "another digest" in refused.text) == (409, True)


def test_a_record_that_was_withdrawn_is_learned_by_nobody(enclave: Enclave) -> None:
    project, version = read(enclave)
    enclave.withdraw(project, version)
    refused = enclave.take(project, version)
    assert (refused.status_code, "was withdrawn" in refused.text) == (409, True)
