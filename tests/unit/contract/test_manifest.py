"""A manifest says everything about a service, contradicts nothing, and two of them share nothing."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.contract.catalogue import Catalogue, compile_catalogue, read_catalogue
from appliance.contract.manifest import Manifest, compiled
from appliance.enclave.render import user_of
from appliance.enclave.site import load_site
from appliance.errors import ApplianceError
from appliance.monitor.decide.policy import parse_policy
from tests.catalogue import CATALOGUE

GOOD: dict[str, Any] = {
    "name": "notes",
    "purpose": "People keep notes for their team.",
    "uid": 1105,
    "slot": 4,
    "routes": [{"path": "/notes/**", "methods": ["GET"], "action": "read"}],
}


def folder(tmp_path: Path, **manifests: dict[str, Any] | str) -> Path:
    for name, manifest in manifests.items():
        (tmp_path / name).mkdir()
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(manifest)
        (tmp_path / name / "service.yml").write_text(text)
    return tmp_path


# Addresses, users and limits are on media, in volumes and in backups of sites: they never change.
@pytest.mark.parametrize(
    ("name", "uid", "address", "memory", "workload", "database", "mounts"),
    [
        ("labeling", 1101, "10.78.1.10", "1g", True, True, ()),
        ("evaluation", 1102, "10.78.1.11", "2g", True, True, ("models",)),
        ("inference", 1103, "10.78.1.12", "2g", False, False, ("models",)),
        ("console", 1104, "10.78.1.13", "1g", False, False, ("log",)),
        ("decision", 1106, "10.78.1.15", "768m", True, True, ()),
    ],
)
def test_what_sites_rely_on_stays(  # one value each
    name: str, uid: int, address: str, memory: str, workload: bool, database: bool, mounts: tuple[str, ...]
) -> None:
    manifest, enclave = CATALOGUE[name], load_site(Path("site.example.yml")).enclave("unclassified")
    assert (manifest.uid, enclave.slot_address(manifest.slot), manifest.memory) == (uid, address, memory)
    assert (manifest.workload, manifest.database is not None, manifest.mounts) == (workload, database, mounts)


def test_the_appliances_own_users_stay() -> None:
    users = {name: user_of(name, CATALOGUE) for name in ("gateway", "database", "labeling-migrate")}
    assert users == {"gateway": 1100, "database": 1110, "labeling-migrate": 1111}


def test_the_access_rules_route_exactly_what_the_manifests_offer() -> None:
    policy = parse_policy(yaml.safe_load(Path("policies/access.yml").read_text()))
    offered = {manifest.name: [route.model_dump() for route in manifest.routes] for manifest in CATALOGUE}
    ruled = {
        service: [route.model_dump(exclude={"group", "originator_controlled"}) for route in routes]
        for service, routes in policy.routes.items()
    }
    assert ruled == offered


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "gateway"}, "name of the appliance itself"),
        ({"name": "No"}, "name"),
        ({"uid": 0}, "uid"),
        ({"uid": 1100}, "uid"),
        ({"slot": 200}, "slot"),
        ({"memory": "lots"}, "memory"),
        ({"routes": []}, "routes"),
        ({"routes": [{"path": "/other/**", "methods": ["GET"], "action": "read"}]}, "no path of notes"),
        ({"routes": [{"path": "/notes/**", "methods": ["POST"], "action": "w", "read_down": True}]}, "read_down"),
        ({"routes": [{"path": "/notes/**", "methods": ["GET"], "action": "r", "read_down": True}]}, "free text"),
        ({"routes": [{"path": "/notes/*/x", "methods": ["GET"], "action": "r", "read_down": True}]}, "free text"),
        ({"routes": [{"path": "/notes/{word}", "methods": ["GET"], "action": "r"}]}, "routes.0.path"),
        ({"routes": [*GOOD["routes"], *GOOD["routes"]]}, "stands twice"),
        ({"pages": [{"path": "/other/", "title": "Other"}]}, "no path of notes"),
        ({"records": [{"activity": "Notes Create", "meaning": "A note was made."}]}, "records.0.activity"),
        ({"records": [{"activity": "notes.create"}]}, "records.0.meaning"),
        ({"settings": ["password"]}, "settings.0"),
        ({"mounts": ["/etc"]}, "mounts.0"),
        ({"privileged": True}, "privileged"),
        ({"purpose": "x"}, "purpose"),
        ({"database": {"connections": 0}}, "database.connections"),
        ({"database": {"connections": 41}}, "database.connections"),
        ({"database": {"folder": "/"}}, "database.folder"),
    ],
)
def test_a_wrong_manifest_is_refused_with_file_and_field(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ApplianceError, match=named) as refusal:
        compile_catalogue(folder(tmp_path, notes=GOOD | change))
    assert "service.yml" in refusal.value.message
    assert "docs/services.md" in refusal.value.rule


@pytest.mark.parametrize("field", ["uid", "slot"])
def test_two_services_share_neither_user_nor_place(tmp_path: Path, field: str) -> None:
    other = GOOD | {"name": "mail", "uid": 1106, "slot": 5, field: GOOD[field]}
    other["routes"] = [{"path": "/mail/**", "methods": ["GET"], "action": "read"}]
    with pytest.raises(ApplianceError, match=f"same {field}"):
        compile_catalogue(folder(tmp_path, notes=GOOD, mail=other))


@pytest.mark.parametrize("name", ["postgres", "template1", "public", "none", "all", "appliance"])
def test_a_database_has_no_name_that_postgresql_has(name: str) -> None:
    routes = [{"path": f"/{name}/**", "methods": ["GET"], "action": "read"}]
    named = GOOD | {"name": name, "routes": routes}
    assert Manifest.model_validate(named).name == name
    with pytest.raises(ValueError, match="name of PostgreSQL itself"):
        Manifest.model_validate(named | {"database": {}})


@pytest.mark.parametrize(("connections", "refused"), [((20, 20), False), ((20, 21), True), ((40, 1), True)])
def test_services_hold_together_no_more_connections_than_there_are(
    tmp_path: Path, connections: tuple[int, int], refused: bool
) -> None:
    mail = GOOD | {"name": "mail", "uid": 1106, "slot": 5}
    mail["routes"] = [{"path": "/mail/**", "methods": ["GET"], "action": "read"}]
    mail["database"], notes = {"connections": connections[1]}, GOOD | {"database": {"connections": connections[0]}}
    images = folder(tmp_path, notes=notes, mail=mail)
    if refused:
        each = f"notes {connections[0]}, mail {connections[1]}"
        with pytest.raises(ApplianceError, match=f"{each}: together more than 40"):
            compile_catalogue(images)
    else:
        assert len(compile_catalogue(images).services) == 2


def test_two_engines_are_refused(tmp_path: Path) -> None:
    other = GOOD | {"name": "mail", "uid": 1106, "slot": 5, "engine": True}
    other["routes"] = [{"path": "/mail/**", "methods": ["GET"], "action": "read"}]
    with pytest.raises(ApplianceError, match="two services are engines"):
        compile_catalogue(folder(tmp_path, notes=GOOD | {"engine": True}, mail=other))


def test_a_manifest_in_another_folder_and_a_key_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="its folder another"):
        compile_catalogue(folder(tmp_path, mail=GOOD))
    (tmp_path / "mail/service.yml").write_text(yaml.safe_dump(GOOD) + "uid: 1101\n")
    with pytest.raises(ApplianceError, match="uid"):
        compile_catalogue(tmp_path)


def test_a_catalogue_is_read_as_it_was_written() -> None:
    assert read_catalogue(CATALOGUE.encode(), "catalogue") == CATALOGUE
    assert read_catalogue(CATALOGUE.encode(), "catalogue").digest == CATALOGUE.digest
    with pytest.raises(ApplianceError, match="catalogue"):
        read_catalogue(b'{"services":[{"name":"x"}]}', "catalogue")


def test_an_absent_service_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ApplianceError, match="'mail'") as refusal:
        CATALOGUE["mail"]
    assert "labeling, evaluation" in refusal.value.remedy


def test_whose_an_activity_is() -> None:
    assert CATALOGUE.recorders("records.create") == ["labeling"]
    assert CATALOGUE.recorders("spool.gap") == []
    assert Catalogue().engine is None


@given(st.lists(st.sampled_from(["a", "b-1", "x_y", "0"]), max_size=4), st.sampled_from(["", "/"]))
def test_a_final_double_star_covers_what_is_below_and_nothing_beside(segments: list[str], end: str) -> None:
    below = "/".join(["/notes", *segments]) + end
    assert compiled("/notes/**").fullmatch(below)
    assert not compiled("/notes/**").fullmatch(below.replace("/notes", "/notesx", 1))
    assert bool(compiled("/notes/*").fullmatch(below)) == (len(segments) == 1 and not end)


def test_the_example_is_a_good_manifest() -> None:
    assert Manifest.model_validate(GOOD).processes == 256
