"""What officers and the sysadmin do with a running site's data: follow a spill, back up, restore."""

import json
import secrets
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.demo.instance import Instance, appliance
from tests.demo.users import user, wait_until


def make_task(site: Instance, subject: str, enclave: str, prompt: str) -> tuple[str, str]:
    """A project with one task; their identifiers."""
    with user(site, subject, enclave, session=True) as client:
        project = client.post("/labeling/api/projects", json={"name": prompt}).json()["id"]
        tasks = {"tasks": [{"prompt": prompt, "answers": ["yes", "no"]}]}
        added = client.post(f"/labeling/api/projects/{project}/tasks", json=tasks)
        assert added.status_code == 201, added.text
    return project, added.json()["tasks"][0]


def trace(site: Instance, *names: str | Path) -> Any:
    return appliance(site, "spill", "trace", *names, "--root", site.root, "--json", inside=True)


def named(found: Any, kind: str) -> set[str]:
    return {touch["name"] for touch in found["touches"] if touch["kind"] == kind}


def test_a_spill_is_traced_to_whom_and_what_it_touched(site: Instance, tmp_path: Path) -> None:
    prompt = f"spilled {secrets.token_hex(8)}"
    project, task = make_task(site, "annotator", "unclassified", prompt)
    with user(site, "annotator-2", "unclassified", session=True) as reader:
        assert reader.get(f"/labeling/api/tasks/{task}").status_code == 200
    with user(site, "analyst", "secret", session=True) as lifter:
        with user(site, "analyst", "unclassified") as below:
            read = below.get(f"/labeling/api/tasks/{task}").json()
        above = lifter.post("/labeling/api/projects", json={"name": prompt}).json()["id"]
        body = {"enclave": "unclassified", "task": read}
        copied = lifter.post(f"/labeling/api/projects/{above}/upgrades", json=body)
        assert copied.status_code == 201, copied.text
        copy = copied.json()["id"]
        assert lifter.get(f"/labeling/api/tasks/{copy}").status_code == 200
    with user(site, "evaluator", "unclassified", session=True) as exporter:
        exported = exporter.get(f"/labeling/api/export/{project}")
        assert exported.status_code == 200, exported.text
    sheet = tmp_path / "spill.html"
    found = trace(site, task, "--worksheet", sheet, "--officer", "officer")
    assert {"annotator", "annotator-2", "analyst", "evaluator"} == named(found, "subject")
    assert {"unclassified-labeling", "secret-labeling"} == named(found, "container")
    assert {"unclassified/database", "secret/database"} == named(found, "volume")
    assert copy in named(found, "copy")
    assert len(named(found, "export")) == 1
    assert "SECRET//REL TO USA, GBR" in sheet.read_text()
    assert prompt not in sheet.read_text() + json.dumps(found)
    refused = appliance(site, "spill", "trace", str(uuid.uuid4()), "--root", site.root, inside=True, check=False)
    assert refused.returncode == 1
    assert "the log knows nothing of" in refused.stderr
    recorded(site, "spill.trace", lambda detail: detail["names"] == [task])


def recorded(site: Instance, activity: str, meant: Callable[[Any], bool]) -> Any:
    """The record of ``activity`` in the log that is meant, once the monitor has taken it in."""

    def look() -> Any:
        shown = appliance(site, "audit", "show", "--log", site.root / "log", "--activity", activity, "--format", "json")
        details = [json.loads(line)["body"]["unmapped"].get("detail") for line in shown.splitlines()]
        return next((detail for detail in details if detail and meant(detail)), None)

    return wait_until(look, 20, f"a record of {activity}")


def enclave(site: Instance, command: str, *arguments: str | Path, check: bool = True) -> Any:
    """``appliance enclave COMMAND`` on the disconnected host."""
    where = ("--root", site.root, "--run", site.run)
    return appliance(site, "enclave", command, *arguments, *where, inside=True, check=check)


def status_of(site: Instance, task: str) -> int:
    """What a reader of enclave unclassified is answered about a task."""
    with user(site, "annotator", "unclassified", session=True) as client:
        return client.get(f"/labeling/api/tasks/{task}").status_code


def test_a_backup_is_restored_and_nothing_but_it(site: Instance, tmp_path: Path) -> None:
    secret = ("--passphrase-file", site.passphrase)
    keys = {name: tmp_path / f"{name}.age" for name in ("holder", "stranger")}
    lines = {name: appliance(site, "enclave", "backup-key", file, *secret) for name, file in keys.items()}
    recipients = tmp_path / "recipients.txt"
    recipients.write_text(lines["holder"])
    canary = f"canary {secrets.token_hex(8)}"
    _, kept = make_task(site, "annotator", "unclassified", canary)
    made = enclave(site, "backup", "unclassified", "--out", tmp_path, "--to", recipients, "--json")
    statement, archive = Path(made["statement"]), tmp_path / made["archive"]
    assert "-UNCLASSIFIED-" in archive.name
    assert canary.encode() not in archive.read_bytes()
    recorded(site, "enclave.backup", lambda detail: detail["file"] == archive.name and detail["state"] == "done")
    assert archive.name in named(trace(site, kept), "backup")
    _, later = make_task(site, "annotator", "unclassified", "made after the backup")

    whole = archive.read_bytes()
    other = statement.with_name("other.dsse.json")
    other.write_bytes(statement.read_bytes().replace(b'"signatures":[', b'"signatures": ['))
    attempts: list[tuple[str, Path, Path, bytes, str]] = [
        ("unclassified", statement, keys["stranger"], whole, "does not open with this key"),
        ("secret", statement, keys["holder"], whole, "a backup of unclassified (UNCLASSIFIED), not of secret"),
        ("unclassified", statement, keys["holder"], whole[:-1], "the host signed"),
        ("unclassified", statement, keys["holder"], whole[:5000] + b"\x00" + whole[5001:], "the host signed"),
        ("unclassified", other, keys["holder"], whole, "canonical"),
        ("unclassified", archive, keys["holder"], whole, "age"),
    ]
    for name, paper, key, data, reason in attempts:
        archive.write_bytes(data)
        refused = enclave(site, "restore", name, paper, "--key", key, *secret, check=False)
        assert refused.returncode == 1, (reason, refused.stdout)
        assert reason in refused.stderr, refused.stderr
    archive.write_bytes(whole)
    enclave(site, "restore", "unclassified", statement, "--key", keys["holder"], *secret, "--dry-run")
    assert (status_of(site, kept), status_of(site, later)) == (200, 200)

    enclave(site, "restore", "unclassified", statement, "--key", keys["holder"], *secret)
    assert (status_of(site, kept), status_of(site, later)) == (200, 404)
    recorded(site, "enclave.restore", lambda detail: detail["file"] == archive.name)
    assert not (site.root / "copies" / ".staging").exists()
