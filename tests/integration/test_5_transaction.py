"""An update as a sysadmin lives it: it takes over whole, or what ran before runs again; and there is a way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.bundle.media.discs import split_bundle
from appliance.enclave.paths import HostPaths
from appliance.host.change.install import playbook_variables
from appliance.host.enforce.podman import Podman
from appliance.host.state import copies, generation
from appliance.playbook import TaskEvent, run_playbook
from demo import editions, people
from demo.instance import Instance
from tests.integration import host


@pytest.fixture(scope="module", autouse=True)
def first_edition_again(site: Instance) -> Iterator[None]:
    """Leave the site as the tests after these expect it: with the demonstration's own bundle, as the newest."""
    yield
    editions.build_first_again(site)
    host.run(site, "install", site.bundle, *host.prints(site))


def sql(site: Instance, command: str) -> str:
    """Ask the database of an enclave, as its owner."""
    words = ["exec", "--user=1110", "secret-database", "psql", "-h", "/run/postgresql", "-qtA", "-c", command]
    return Podman(HostPaths(site.root, site.run)).run(words).stdout.strip()


def recorded(site: Instance, rule: str) -> int:
    """How many records of the log, or waiting for it, have the rule."""
    files = [site.root / "spool" / "spool.jsonl", *(site.root / "log" / "bodies").glob("*")]
    return sum(file.read_text().count(f'"{rule}"') for file in files if file.exists())


def logged(site: Instance, rule: str) -> int:
    """How many records of the log itself have the rule."""
    return sum(file.read_text().count(f'"{rule}"') for file in (site.root / "log" / "bodies").glob("*"))


def certificates(site: Instance) -> dict[Path, bytes]:
    """The models' certificates."""
    return {file: file.read_bytes() for file in (site.root / "enclaves").glob("*/models/*.certificate.dsse.json")}


def test_installing_the_same_again_changes_nothing(site: Instance) -> None:
    before = host.whole(site)
    report = host.run(site, "install", site.bundle, *host.prints(site))
    assert report["changed"] == 0
    assert report["generation"] == before
    assert host.run(site, "recover") == {"changed": False}


def test_discs_in_any_order_lead_to_the_same_installation(site: Instance, tmp_path: Path) -> None:
    split_bundle(site.bundle, tmp_path / "discs", 200_000_000, people.fingerprint(site))
    discs = sorted((tmp_path / "discs").glob("disc-*"))
    assert len(discs) >= 3
    before = host.whole(site)
    report = host.run(site, "install", *reversed(discs), *host.prints(site))
    assert report["changed"] == 0, "what the discs hold is what runs"
    assert report["generation"] == before


def test_the_playbook_in_check_mode_finds_nothing_to_do(site: Instance) -> None:
    paths = HostPaths(site.root, site.run)
    bundle = site.root / "bundle" / generation.Facts.of(generation.required(paths)).bundle
    variables = playbook_variables(paths, bundle, site.site, people.officers_fingerprint(site))
    events: list[TaskEvent] = []
    run_playbook(bundle / "targets/playbooks/install.yml", variables, on_event=events.append, check=True)
    assert [event.task for event in events if event.changed] == []


def test_an_update_takes_over_whole_and_data_and_certificates_stay(site: Instance) -> None:
    before, held = host.whole(site), certificates(site)
    sql(site, "create table kept (what text)")
    sql(site, "insert into kept values ('before')")
    update = editions.build_edition(site, "second", editions.CHANGED)
    report = host.run(site, "install", update, *host.prints(site))
    assert host.whole(site) == report["generation"] > before
    assert host.run(site, "status")["previous"] == before
    assert sql(site, "select what from kept") == "before"
    assert certificates(site) == held


def test_a_return_brings_the_data_back_only_when_asked_and_the_log_never(site: Instance) -> None:
    paths = HostPaths(site.root, site.run)
    sql(site, "insert into kept values ('after')")
    after, trusted = host.whole(site), (site.root / "trusted/tuf/timestamp.json").read_bytes()
    records = logged(site, "bundle.verified")
    plan = host.run(site, "rollback", "--restore-data", "--dry-run")
    assert (plan["leaves"], plan["images"]) == (after, ["labeling"])
    assert host.whole(site) == after, "a dry run changed something"
    host.run(site, "rollback", "--restore-data")
    assert host.whole(site) == plan["returns_to"]
    assert sql(site, "select what from kept") == "before"
    assert copies.copy_of(paths, Path(str(after))).is_dir(), "what was there is set aside"
    assert recorded(site, "generation.rollback-with-data") >= 1
    assert logged(site, "bundle.verified") >= records
    assert (site.root / "trusted/tuf/timestamp.json").read_bytes() == trusted


def test_after_a_return_an_older_bundle_is_refused_as_before(site: Instance) -> None:
    answer = host.attempt(site, "install", site.bundle, *host.prints(site))
    assert answer.returncode == 1
    assert "older than what this host accepted" in answer.stderr


def test_an_update_that_does_not_start_is_given_up_by_itself(site: Instance) -> None:
    before = host.whole(site)
    broken = editions.build_edition(site, "broken", editions.BROKEN)
    answer = host.attempt(site, "install", broken, *host.prints(site))
    assert answer.returncode == 1
    assert f"was given up and generation {before} runs again" in answer.stderr
    assert "labeling of enclave" in answer.stderr
    assert host.whole(site) == before
    assert sql(site, "select what from kept") == "before"
    failed = host.run(site, "status")["failed"]
    assert len(failed) == 1
    assert (site.root / "generations" / next(iter(failed)) / "generation.json").exists(), "kept for looking"
    assert recorded(site, "generation.unhealthy") >= 1
