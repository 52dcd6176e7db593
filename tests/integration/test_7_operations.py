"""What officers and the sysadmin do with a running site's data: follow a spill, back up, restore."""

import json
import secrets
import uuid
from pathlib import Path
from typing import Any

from demo.instance import Instance, appliance
from demo.users import user
from tests.integration.data import enclave, make_task, recorded, status_of


def trace(site: Instance, *names: str | Path) -> Any:
    return appliance(site, "spill", "trace", *names, "--root", site.root, "--json", inside=True)


def named(found: Any, kind: str) -> set[str]:
    return {touch["name"] for touch in found["touches"] if touch["kind"] == kind}


def test_a_spill_is_traced_to_whom_and_what_it_touched(site: Instance, tmp_path: Path) -> None:
    prompt = f"spilled {secrets.token_hex(8)}"
    project, task = make_task(site, "annotator", "unclassified", prompt)
    with user(site, "annotator-2", "unclassified", session=True) as reader:
        assert reader.get(f"/labeling/api/projects/{project}/tasks/{task}").status_code == 200
    with user(site, "analyst", "secret", session=True) as lifter:
        with user(site, "analyst", "unclassified") as below:
            (read,) = below.get(f"/labeling/api/projects/{project}/tasks").json()["tasks"]
        above = lifter.post("/labeling/api/projects", json={"name": prompt}).json()["id"]
        body = {"enclave": "unclassified", "task": read}
        copied = lifter.post(f"/labeling/api/projects/{above}/upgrades", json=body)
        assert copied.status_code == 201, copied.text
        copy = copied.json()["id"]
        assert lifter.get(f"/labeling/api/projects/{above}/tasks/{copy}").status_code == 200
    with user(site, "evaluator", "unclassified", session=True) as exporter:
        exported = exporter.get(f"/labeling/api/export/{project}")
        assert exported.status_code == 200, exported.text
    sheet = tmp_path / "spill.html"
    found = trace(site, task, "--worksheet", sheet, "--officer", "officer")
    assert {"annotator", "annotator-2", "analyst", "evaluator"} == named(found, "subject")
    assert {"unclassified-labeling", "secret-labeling"} == named(found, "container")
    kept = {f"{enclave}/{place}" for enclave in ("unclassified", "secret") for place in ("database", "published")}
    assert kept == named(found, "volume")
    assert copy in named(found, "copy")
    assert len(named(found, "export")) == 1
    assert "SECRET//REL TO USA, GBR" in sheet.read_text()
    assert prompt not in sheet.read_text() + json.dumps(found)
    refused = appliance(site, "spill", "trace", str(uuid.uuid4()), "--root", site.root, inside=True, check=False)
    assert refused.returncode == 1
    assert "the log knows nothing of" in refused.stderr
    recorded(site, "spill.trace", lambda detail: detail["names"] == [task])


def test_a_backup_is_restored_and_nothing_but_it(site: Instance, tmp_path: Path) -> None:
    secret = ("--passphrase-file", site.passphrase)
    keys = {name: tmp_path / f"{name}.age" for name in ("holder", "stranger")}
    lines = {name: appliance(site, "enclave", "backup-key", file, *secret) for name, file in keys.items()}
    recipients = tmp_path / "recipients.txt"
    recipients.write_text(lines["holder"])
    canary = f"canary {secrets.token_hex(8)}"
    kept = make_task(site, "annotator", "unclassified", canary)
    made = enclave(site, "backup", "unclassified", "--out", tmp_path, "--to", recipients, "--json")
    statement, archive = Path(made["statement"]), tmp_path / made["archive"]
    assert "-UNCLASSIFIED-" in archive.name
    assert canary.encode() not in archive.read_bytes()
    recorded(site, "enclave.backup", lambda detail: detail.get("file") == archive.name and detail["state"] == "done")
    assert archive.name in named(trace(site, kept[1]), "backup")
    later = make_task(site, "annotator", "unclassified", "made after the backup")

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
    recorded(site, "enclave.restore", lambda detail: detail.get("file") == archive.name)
    assert not (site.root / "copies" / ".staging").exists()


def test_data_go_in_and_out_as_their_user_and_only_with_two_officers(site: Instance, tmp_path: Path) -> None:
    project, _ = make_task(site, "analyst", "secret", f"front door {secrets.token_hex(8)}")
    medium = tmp_path / "medium"
    medium.mkdir()
    me = ("--project", project, "--certificate", site.subjects / "analyst.pem", "--key", site.subjects / "analyst.key")
    certificate = ("--certificate", site.subjects / "annotator.pem", "--key", site.subjects / "annotator.key")
    low = ("--project", project, *certificate)
    file = tmp_path / "tasks.jsonl"
    rows = [{"prompt": f"question {number}", "answers": ["yes", "no"]} for number in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    program = tmp_path / "program.jsonl"
    program.write_bytes(Path("/bin/true").read_bytes())
    marked = ("--marking", "SECRET//REL TO USA, GBR")
    for source, extra, reason in (
        (file, me, "carries no marking"),
        (file, (*me, "--marking", "TOP SECRET//NOFORN"), "is above enclave secret"),
        (program, (*me, *marked), "named jsonl, but it is elf"),
        (file, (*low, *marked), "refuses with status 404"),
    ):
        refused = enclave(site, "import", "secret", source, *extra, check=False)
        assert refused.returncode == 1, reason
        assert reason in refused.stderr, refused.stderr
    done = enclave(site, "import", "secret", file, *me, *marked, "--json")
    assert len(done["tasks"]) == 3
    recorded(site, "data.import", lambda detail: detail.get("imported") == done["tasks"])
    assert {"analyst"} == named(trace(site, done["sha256"]), "subject")

    asked = enclave(site, "export", "secret", *me, "--destination", "J2, disc 7", "--json")
    assert list(medium.iterdir()) == []
    approval, lonely = tmp_path / "approval.dsse.json", tmp_path / "lonely.dsse.json"
    secret = ("--passphrase-file", site.passphrase)
    officers = sorted((site.keys / "officers").glob("*.pem"))[:2]
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(json.loads(Path(asked["request"]).read_text()) | {"destination": "elsewhere"}))
    other = tmp_path / "other.dsse.json"
    for key in officers:
        appliance(site, "enclave", "approve", asked["request"], "--key", key, "--out", approval, *secret)
        appliance(site, "enclave", "approve", forged, "--key", key, "--out", other, *secret)
        if key == officers[0]:
            lonely.write_bytes(approval.read_bytes())
    for statement, reason in ((lonely, "2 people must sign"), (other, "is not what the officers signed")):
        refused = enclave(site, "release", statement, "--out", medium, check=False)
        assert refused.returncode == 1
        assert reason in refused.stderr, refused.stderr
        assert list(medium.iterdir()) == []
    released = enclave(site, "release", approval, "--out", medium, "--json")
    lines = [json.loads(line) for line in Path(released["written"]).read_text().splitlines()]
    assert "-SECRET-REL-TO-USA-GBR-" in Path(released["written"]).name
    assert lines[0]["classification"]["marking"] == "SECRET//REL TO USA, GBR"
    assert [line["data"]["prompt"] for line in lines[2:]] == [row["prompt"] for row in rows]
    recorded(site, "data.export", lambda detail: detail["destination"] == "J2, disc 7" and detail["id"] == asked["id"])
    assert f"sha256:{asked['sha256']}" in named(trace(site, done["tasks"][0]), "export")
    again = enclave(site, "release", approval, "--out", medium, check=False)
    assert "nothing is held for it" in again.stderr
    back = enclave(site, "import", "secret", Path(released["written"]), *me, "--json")
    assert len(back["tasks"]) == 4


def test_the_records_of_a_file_are_added_all_or_none_and_once(site: Instance, tmp_path: Path) -> None:
    project, _ = make_task(site, "analyst", "secret", f"all or none {secrets.token_hex(8)}")
    me = ("--project", project, "--certificate", site.subjects / "analyst.pem", "--key", site.subjects / "analyst.key")
    marked = ("--marking", "SECRET//REL TO USA, GBR")
    lines = [json.dumps({"prompt": f"question {number}", "answers": ["yes", "no"]}) + "\n" for number in range(300)]
    for wrong, reason in (
        ('{"prompt": "last", "answers": ["one"]}', "half.JSONL, line 301: data.answers"),
        ('{"prompt": "last", "answers": ["a", "b"], "marking": "(S//NF)"}', "half.JSONL, line 301: marking: "),
        ('{"prompt": "last", "answers": ["a", "b"], "groups": ["nobodys"]}', "half.JSONL, line 301: groups: "),
    ):
        half = tmp_path / "half.JSONL"
        half.write_text("".join(lines) + wrong + "\n")
        refused = enclave(site, "import", "secret", half, *me, *marked, check=False)
        assert reason in refused.stderr, refused.stderr
    file = tmp_path / "tasks.jsonl"
    file.write_text("".join(lines[:7]))
    assert len(enclave(site, "import", "secret", file, *me, *marked, "--json")["tasks"]) == 7
    again = enclave(site, "import", "secret", file, *me, *marked, check=False)
    assert "in the project already" in again.stderr, again.stderr
    with user(site, "analyst", "secret", session=True) as reader:
        assert len(reader.get(f"/labeling/api/projects/{project}/tasks").json()["tasks"]) == 8


def test_an_enclave_is_erased_by_two_officers_once_the_site_has_it_no_more(site: Instance, tmp_path: Path) -> None:
    canary = secrets.token_bytes(32)
    data, copied = site.root / "enclaves" / "gone" / "labeling", site.root / "copies" / "0" / "gone" / "labeling"
    keys = site.root / "secrets" / "gone" / "labeling"
    for folder in (data, copied, keys):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(canary)
    context = site.root / "secrets" / "gone.labeling.context.key"
    context.write_bytes(canary)
    secret = ("--passphrase-file", site.passphrase)

    def signed(name: str, officers: int = 2, expires: str = "2099-01-01T00:00:00Z") -> Path:
        order = {"site": "demonstration", "enclave": name, "marking": "SECRET//REL TO USA, GBR"}
        file, out = tmp_path / "erase.yml", tmp_path / f"{secrets.token_hex(4)}.dsse.json"
        file.write_text(json.dumps(order | {"reason": "the project has ended", "expires": expires}))
        for key in sorted((site.keys / "officers").glob("*.pem"))[:officers]:
            appliance(site, "enclave", "sign-erasure", file, "--key", key, "--out", out, *secret)
        return out

    for name, statement, reason in (
        ("gone", signed("gone", officers=1), "2 people must sign"),
        ("gone", signed("gone", expires="2001-01-01T00:00:00Z"), "lapsed"),
        ("gone", signed("other"), "is for other"),
        ("secret", signed("secret"), "the site still has enclave secret"),
        ("absent", signed("absent"), "nothing of an enclave absent is left"),
    ):
        refused = enclave(site, "erase", name, statement, check=False)
        assert refused.returncode == 1, reason
        assert reason in refused.stderr, refused.stderr
    order = signed("gone")
    enclave(site, "erase", "gone", order, "--dry-run")
    assert (data / "file").read_bytes() == canary
    with context.open("rb") as held:
        shown = enclave(site, "erase", "gone", order)
        assert held.read() != canary, "the key was unlinked, not overwritten"
    assert "NOT ENCRYPTED at rest" in shown or "encrypted at rest" in shown
    left = [path for path in site.root.glob("*/*") if path.name.startswith("gone")]
    assert left + list(site.root.glob("copies/*/gone")) == []
    recorded(site, "enclave.erase", lambda detail: detail["enclave"] == "gone")
    (site.root / "copies" / "0").rmdir()


def test_a_support_bundle_has_no_content_of_the_site(site: Instance, tmp_path: Path) -> None:
    canary = f"canary{secrets.token_hex(8)}"
    make_task(site, "analyst", "secret", canary)
    (site.root / "enclaves" / "secret" / "labeling" / canary).write_text(canary)
    try:
        out = tmp_path / "support.json"
        made = appliance(site, "host", "support", out, "--root", site.root, "--run", site.run, "--json", inside=True)
    finally:
        (site.root / "enclaves" / "secret" / "labeling" / canary).unlink()
    text = out.read_text().lower()
    assert json.loads(out.read_text()) == made
    names = [
        "secret",
        "unclassified",
        "system-high",
        "rel to",
        "demonstration",
        "analyst",
        "annotator",
        site.address(12),
    ]
    for word in (canary, *names, str(site.root), "begin ", "site.test"):
        assert word not in text, word
    assert {container["state"] for container in made["containers"]} >= {"running"}
    assert made["log"]["records"] > 0
    assert made["layers"]["admission hook"] == "active"
