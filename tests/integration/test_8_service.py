"""A new service is one folder: built, offered, opened by two officers, used, attacked, and taken away again.

Nothing below appliance/ is changed for it: the example in examples/services/notes is copied into a checkout.
"""

import base64
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from appliance.bundle.build.make import checkout
from demo import editions
from demo.editions import copy_checkout
from demo.instance import REPOSITORY, Instance, appliance
from demo.users import MARKINGS, user
from tests.integration import host
from tests.integration.podman import podman, recorded

NOTES = REPOSITORY / "examples" / "services" / "notes"
PAGE, LIST, JOBS = "/notes/", "/notes/api/notes", "/notes/api/jobs"


@pytest.fixture(scope="module")
def source(site: Instance) -> Path:
    """A copy of the checkout with one folder more."""
    copy = site.build / "checkout-with-notes"
    shutil.rmtree(copy, ignore_errors=True)
    copy_checkout(checkout(), copy)
    shutil.copytree(NOTES, copy / "images" / "notes")
    return copy


@pytest.fixture(scope="module")
def bundle(site: Instance, source: Path) -> Iterator[Path]:
    """A bundle that offers notes; afterwards the site is again as the other tests expect it."""
    yield editions.build_edition(site, "notes", editions.UNCHANGED, checkout=source)
    editions.build_first_again(site)
    sign(site, site.site, "access", rules(site.build / "access.yml") | next_version(site), site.bundle)
    host.run(site, "install", site.bundle, *host.prints(site))
    shutil.rmtree(source)


@pytest.fixture(scope="module")
def running(site: Instance, bundle: Path) -> Instance:
    """The site whose enclave `unclassified` runs notes; its officers have opened nothing of it yet."""
    folder = site.build / "site-with-notes"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(site.site, folder)
    wanted = yaml.safe_load((site.build / "site.yml").read_text())
    wanted["enclaves"][0]["services"].append("notes")
    sign(site, folder, "site", wanted, bundle)
    changed = replace(site, site_folder=folder)
    host.run(site, "install", bundle, *host.prints(changed))
    return changed


def sign(site: Instance, folder: Path, kind: str, value: Any, bundle: Path) -> None:
    """Two officers sign a statement."""
    file = folder / f"{kind}.yml"
    file.write_text(yaml.safe_dump(value, sort_keys=False))
    (folder / f"{kind}.dsse.json").unlink(missing_ok=True)
    for key in sorted((site.keys / "officers").glob("*.pem")):
        words = ("--kind", kind, "--key", key, "--out", folder, "--officers", site.keys / "officers.json")
        appliance(site, "site", "sign", file, *words, "--catalogue", bundle, "--passphrase-file", site.passphrase)
    file.unlink()


def next_version(site: Instance) -> dict[str, int]:
    """The version that access rules need to follow those in force."""
    envelope = json.loads((site.root / "registries" / "current" / "access.dsse.json").read_bytes())
    return {"version": int(json.loads(base64.b64decode(envelope["payload"]))["version"]) + 1}


def rules(file: Path) -> dict[str, Any]:
    """The data of an access.yml."""
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def renew_access(site: Instance, folder: Path, value: dict[str, Any], bundle: Path) -> None:
    """Put other access rules in force, without an installation."""
    sign(site, folder, "access", value, bundle)
    appliance(site, "site", "apply", folder, "--root", site.root, "--run", site.run, inside=True)


def test_what_a_bundle_adds_is_told_and_closed_until_officers_open_it(running: Instance, bundle: Path) -> None:
    report = host.run(running, "install", bundle, *host.prints(running), "--dry-run")
    told = [finding["found"] for finding in report["findings"] if "found" in finding]
    assert "offered and not open: notes: GET /notes/ (read, read from above)" in told
    assert "offered and not open: notes: POST /notes/** (write)" in told
    with user(running, "annotator", "unclassified", session=True) as client:
        assert client.get(PAGE).status_code == 404
        assert client.post(PAGE, data={"text": "early"}).status_code == 404


def test_officers_open_it_and_people_use_it(running: Instance, bundle: Path) -> None:
    draft = running.build / "access-with-notes.yml"
    before = running.build / "access.yml"
    appliance(running, "site", "draft-access", before, "--catalogue", bundle, "--out", draft)
    opened = rules(draft) | next_version(running)
    opened["roles"]["annotator"]["notes"] = ["read", "write", "job"]
    opened["roles"]["analyst"]["notes"] = ["read"]
    renew_access(running, running.site, opened, bundle)
    text = f"the ferry runs at noon {secrets.token_hex(8)}"
    with user(running, "annotator", "unclassified", session=True) as client:
        assert client.post(PAGE, data={"text": text}).status_code == 303
        page = client.get(PAGE, headers={"accept": "text/html"})
        assert page.headers["x-classification"] == MARKINGS["unclassified"]
        assert text in page.text
        assert [note["author"] for note in client.get(LIST).json()["notes"]] == ["annotator"]
        refused = client.post(PAGE, data={"text": "a\0b"})
        assert refused.status_code == 422, "what the store cannot hold is refused, naming the field"
    assert recorded(running, '"notes.create"')
    with user(running, "annotator", "unclassified", session=True) as client:
        assert client.post("/notes/counts").status_code == 303
        (counted,) = waited(client, lambda: [job for job in client.get(JOBS).json()["jobs"] if job["result"]])
        assert (counted["state"], counted["subject"], counted["done"]) == ("done", "annotator", 1)
        assert counted["result"] == {"words": 6}
        assert "done" in client.get("/notes/jobs", headers={"accept": "text/html"}).text
    for activity in ("job.grant", "job.context", "notes.count"):
        assert recorded(running, f'"{activity}"')
    with user(running, "analyst", "secret", session=True), user(running, "analyst", "unclassified") as from_above:
        assert text in from_above.get(PAGE).text, "the copy that the service published"
        assert from_above.post(PAGE, data={"text": "from above"}).status_code == 404
        assert from_above.get(f"{PAGE}?q=above").status_code == 404
        assert from_above.get(LIST).status_code == 404, "it publishes its page alone"
    with user(running, "evaluator", "unclassified", session=True) as nobody:
        assert nobody.get(PAGE).status_code == 404


def waited(client: httpx.Client, found: Callable[[], list[Any]]) -> list[Any]:
    """What ``found`` finds within a minute."""
    end = time.monotonic() + 60
    while not (answer := found()):
        assert time.monotonic() < end, client.get(JOBS).text
        time.sleep(0.5)
    return answer


def inside(site: Instance, code: str) -> str:
    """What a shell in the container of notes gets from a program."""
    return podman(site, "exec", "unclassified-notes", "python3", "-c", code).stdout


def test_a_shell_in_it_reaches_nothing_else(running: Instance) -> None:
    code = """
import http.client, json, os, socket, psycopg
c = http.client.HTTPConnection('unix')
c.sock = socket.socket(socket.AF_UNIX)
c.sock.connect('/run/monitor/record.sock')
c.request('POST', '/record', json.dumps({'activity': 'review.finish'}), {'Host': 'unix'})
print('record', c.getresponse().status)
for database, role in (('labeling', 'labeling'), ('labeling', 'notes'), ('notes', 'migrate'), ('postgres', 'postgres')):
    try: psycopg.connect(f'host=/run/postgresql dbname={database} user={role}'); print('IN', database, role)
    except psycopg.Error: pass
with psycopg.connect('host=/run/postgresql dbname=notes user=notes') as mine:
    print('rows', mine.execute('SELECT count(*) FROM notes.notes').fetchone()[0])
    print('jobs', mine.execute('SELECT count(*) FROM appliance.job').fetchone()[0])
    try: mine.execute('SELECT job_grant FROM appliance.job')
    except psycopg.Error as error: print(type(error).__name__)
print('models', os.path.exists('/models'), 'log', os.path.exists('/var/log/appliance'))
"""
    said = inside(running, code).splitlines()
    assert said == ["record 403", "rows 0", "jobs 0", "InsufficientPrivilege", "models False log False"]


def test_nobody_without_a_certificate_or_session_gets_in(running: Instance) -> None:
    with user(running, None, "unclassified") as outsider:
        assert outsider.get(PAGE).status_code == 404
    with user(running, "annotator", "unclassified") as idle:
        assert idle.get(LIST).status_code == 401
        for path in ("/notes", "/notes/../labeling/", "/notes//", "/notes/%2e%2e/labeling/"):
            answer: httpx.Response = idle.get(path)
            assert answer.status_code in (400, 401, 404), path
            assert answer.headers["x-classification"]


def test_it_goes_as_it_came(running: Instance, site: Instance, bundle: Path) -> None:
    """Without it in the site's statement its container is gone, and everything else runs on."""
    sign(site, site.site, "access", rules(site.build / "access.yml") | next_version(site), bundle)
    host.run(site, "install", bundle, *host.prints(site))
    names = podman(site, "ps", "--all", "--format", "{{.Names}}").stdout.split()
    assert "unclassified-labeling" in names
    assert not [name for name in names if "notes" in name]
    with user(site, "annotator", "unclassified", session=True) as client:
        assert client.get(PAGE).status_code == 404
        assert client.get("/labeling/api/projects").status_code == 200
