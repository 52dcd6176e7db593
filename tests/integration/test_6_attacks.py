"""Attacks on the running site, each a short test; docs/attacks.md orders them by class and actor.

The target is a project at SECRET. Outside stand: nobody with a certificate, an annotator cleared for UNCLASSIFIED
("lower"), an officer cleared for SECRET whose role opens no labeling ("insider"), a script of the UNCLASSIFIED enclave
in the browser of someone cleared for SECRET, a shell in a service container, and a sysadmin with podman.
"""

import json
import secrets
import socket
import ssl
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from appliance.monitor.context import Context, seal
from tests.demo.browser import ARGUMENTS
from tests.demo.instance import Instance
from tests.demo.users import ADDRESSES, MODEL, origin, tls, user
from tests.integration.test_2_confinement import podman, recorded

SUBJECTS = {"outsider": None, "lower": "annotator", "insider": "officer"}
NAME = f"ORCHID {secrets.token_hex(8)}"
everyone = pytest.mark.parametrize("actor", list(SUBJECTS))


@pytest.fixture(scope="module")
def target(site: Instance) -> Iterator[str]:
    """Path of a project at SECRET, whose owner works there meanwhile."""
    with user(site, "analyst", "secret", session=True) as owner:
        made = owner.post("/labeling/api/projects", json={"name": NAME})
        assert made.status_code == 201, made.text
        path = f"/labeling/api/projects/{made.json()['id']}"
        assert NAME in owner.get(path).text
        yield path


@contextmanager
def attacker(site: Instance, actor: str) -> Iterator[httpx.Client]:
    """The actor at the gateway of the SECRET enclave, with a session where they may have one."""
    with user(site, SUBJECTS[actor], "secret", session=actor == "insider") as client:
        yield client


def refused(site: Instance, answer: httpx.Response) -> None:
    """The answer says nothing but a reference, and the log has it."""
    assert answer.status_code in (400, 401, 404), answer.text
    assert NAME not in answer.text
    assert answer.headers["x-classification"]
    assert recorded(site, answer.json()["reference"]), "the refusal is not in the log"


def raw(site: Instance, actor: str, request: bytes) -> bytes:
    """What the SECRET gateway answers to bytes that no client library would send."""
    context: ssl.SSLContext = tls(site, SUBJECTS[actor])
    address = (site.address(ADDRESSES["secret"]), 443)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        connection.sendall(request)
        connection.settimeout(3)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer


# Identity and context


@everyone
def test_forged_identity_and_context(site: Instance, target: str, actor: str) -> None:
    certificate = urllib.parse.quote((site.subjects / "analyst.pem").read_text())
    claims = Context(
        request="0" * 32, enclave="secret", service="labeling", method="GET", path=target, action="read",
        subject="analyst", roles=("analyst",), level="S", nationalities=("USA",), label="S;;GBR,USA",
        working="S;;GBR,USA", expires=int(time.time()) + 60,
    )  # fmt: skip
    forgeries = [
        {"X-Appliance-Context": seal(claims, secrets.token_bytes(32))},
        {"X-Client-Certificate": certificate, "X-Client-Verify": "SUCCESS"},
        {"X-Original-URI": "/health", "X-Original-Method": "GET"},
        {"X-Appliance-Job": seal(claims, b"\0" * 32)},
        {"X-Request-Id": "0" * 32, "X-Forwarded-For": "127.0.0.1"},
    ]
    with attacker(site, actor) as client:
        for headers in forgeries:
            refused(site, client.get(target, headers=headers))


# Headers and paths


@everyone
def test_header_and_path_tricks(site: Instance, target: str, actor: str) -> None:
    rest = target.removeprefix("/labeling")
    paths = [
        f"/health/..{target}",
        f"/health/..%2flabeling{rest}",
        f"/{target}",
        f"/labeling;x{rest}",
        f"/LABELING{rest}",
        f"/console/../labeling{rest}",
        f"/labeling/./{rest}",
        f"/labeling/%2e%2e/labeling{rest}",
        f"/labeling{rest}%00",
        f"/labeling{rest}?/health",
        f"https://{site.address(ADDRESSES['unclassified'])}{target}",
    ]
    for path in paths:
        answer = raw(
            site, actor, f"GET {path} HTTP/1.1\r\nHost: gateway.internal\r\nConnection: close\r\n\r\n".encode()
        )
        assert NAME.encode() not in answer, path
        assert b" 200 " not in answer[:20], path
    hidden = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    smuggled = (
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s"
    )
    assert NAME.encode() not in raw(site, actor, smuggled % (len(hidden) + 5, hidden))


# Streaming and slow paths


@everyone
def test_slow_requests_and_streams(site: Instance, target: str, actor: str) -> None:
    context = tls(site, SUBJECTS[actor])
    with ExitStack() as opened:
        for _ in range(40):
            plain = opened.enter_context(socket.create_connection((site.address(ADDRESSES["secret"]), 443), timeout=10))
            slow = opened.enter_context(context.wrap_socket(plain, server_hostname=site.address(ADDRESSES["secret"])))
            slow.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode())
        with user(site, "analyst", "secret") as owner:
            assert owner.get(target).status_code == 200, "forty slow requests keep a fifth person out"
    with attacker(site, actor) as client:
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        answer = client.post("/inference/v1/chat/completions", json=body)
        refused(site, answer)
        assert "data:" not in answer.text
        refused(
            site, client.get(target, headers={"Upgrade": "websocket", "Connection": "Upgrade", "Range": "bytes=0-"})
        )


# Direct ports


def test_direct_ports_from_outside(site: Instance) -> None:
    network = f"10.{78 + site.block}.0.0/16"
    subprocess.run(["ip", "route", "add", network, "via", site.address(10)], check=True)
    try:
        for last, port in ((10, 8000), (12, 8000), (2, 443), (130, 443), (1, 22), (1, 53)):
            with pytest.raises(OSError):  # noqa: PT011  # refused, unreachable or dropped: all are an OSError
                socket.create_connection((site.inner_address(2, last), port), timeout=1).close()
    finally:
        subprocess.run(["ip", "route", "del", network], check=True)
    for last in (11, 12, 13):
        for port in (22, 53, 80, 5432, 8000):
            with pytest.raises(OSError):  # noqa: PT011
                socket.create_connection((site.address(last), port), timeout=1).close()


# Labels and SQL


def test_sql_in_labels_paths_and_text(site: Instance) -> None:
    sql = "S'); SET ROLE postgres; DROP TABLE labeling.projects; --"
    with user(site, "annotator", "unclassified", session=True) as client:
        assert client.post("/labeling/api/projects", json={"name": "x", "marking": sql}).status_code in (400, 409, 422)
        made = client.post("/labeling/api/projects", json={"name": sql})
        assert made.status_code == 201
        assert client.get(f"/labeling/api/projects/{made.json()['id']}").json()["name"] == sql
        for path in ("/labeling/api/projects/' OR '1'='1", "/labeling/api/projects/1;SELECT 1"):
            refused(site, client.get(path))


# Error text and caches


@everyone
def test_a_record_that_exists_looks_like_one_that_does_not(site: Instance, target: str, actor: str) -> None:
    with attacker(site, actor) as client:
        shapes = set()
        for path in (target, f"/labeling/api/projects/{uuid.uuid4()}", "/labeling/api/none", "/nothing"):
            answer = client.get(path)
            refused(site, answer)
            text = answer.text.replace(answer.json()["reference"], "")
            shapes.add((answer.status_code, text, tuple(sorted(answer.headers))))
        assert len(shapes) == 1, shapes


@everyone
def test_nothing_is_kept_in_a_cache(site: Instance, target: str, actor: str) -> None:
    with user(site, "analyst", "secret") as owner:
        answer = owner.get(target)
        assert "no-store" in answer.headers["cache-control"]
    with attacker(site, actor) as client:
        refused(site, client.get(target, headers={"Cache-Control": "only-if-cached", "If-None-Match": "*"}))


# A script of the UNCLASSIFIED enclave in the browser of someone who works at SECRET


@pytest.fixture(scope="module")
def hostile(site: Instance, target: str) -> Iterator[Page]:
    """A page of the UNCLASSIFIED enclave without its content policy, as a taken-over enclave would serve it."""
    enclaves = ("unclassified", "secret")
    where = {"certPath": str(site.subjects / "analyst.pem"), "keyPath": str(site.subjects / "analyst.key")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(
            client_certificates=[{"origin": origin(site, name), **where} for name in enclaves],  # type: ignore[typeddict-item]
            ignore_https_errors=True,
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto(f"{origin(site, 'unclassified')}/labeling/")
        yield page
        browser.close()


SCRIPTS = {
    "reads": "async url => (await fetch(url, {mode: 'cors', credentials: 'include'})).text()",
    "reads blindly": "async url => (await fetch(url, {mode: 'no-cors', credentials: 'include'})).text()",
    "forges a header": "async url => (await fetch(url, {headers: {'X-Appliance-Context': 'v1.a.b'}})).text()",
    "loads an image": "url => new Promise(done => { const i = new Image(); i.onload = () => done('loaded');"
    " i.onerror = () => done(''); i.src = url; })",
    "loads a script": "url => new Promise(done => { const s = document.createElement('script');"
    " s.onload = () => done('loaded'); s.onerror = () => done(''); s.src = url; document.body.append(s); })",
    "frames": "url => new Promise(done => { const f = document.createElement('iframe'); f.src = url; f.onload = () => {"
    " try { done(f.contentDocument.body.innerText) } catch (e) { done('') } }; document.body.append(f); })",
    "posts a form": "url => new Promise(done => { const f = document.createElement('form'); f.method = 'post';"
    " f.action = url; f.target = 'hidden'; const i = document.createElement('iframe'); i.name = 'hidden';"
    " i.onload = () => done(''); document.body.append(i, f); f.submit(); setTimeout(() => done(''), 3000) })",
    "opens a socket": "url => new Promise(done => { const w = new WebSocket(url.replace('https', 'wss'));"
    " w.onopen = () => done('open'); w.onerror = () => done('') })",
    "listens to events": "url => new Promise(done => { const e = new EventSource(url, {withCredentials: true});"
    " e.onmessage = m => done(m.data); e.onerror = () => { e.close(); done('') } })",
    "opens a window": "url => new Promise(done => { const w = window.open(url); setTimeout(() => {"
    " try { done(w.document.body.innerText) } catch (e) { done('') } }, 1500) })",
}


@pytest.mark.parametrize("script", list(SCRIPTS))
def test_a_script_of_a_low_enclave(site: Instance, target: str, hostile: Page, script: str) -> None:
    goal = f"{origin(site, 'secret')}{target}"
    try:
        seen = hostile.evaluate(SCRIPTS[script], goal)
    except Exception as error:  # noqa: BLE001  # what the browser refuses, it throws
        seen = str(error)
        assert "Failed to fetch" in seen or "SecurityError" in seen, seen
    assert NAME not in seen
    assert seen not in ("loaded", "open")
    if script != "opens a window":  # a link that a person could follow as well; its page stays out of reach
        assert recorded(site, "browser.cross-site")


def test_a_script_reaches_no_service_directly_and_no_cache(site: Instance, hostile: Page) -> None:
    for last in (10, 12):
        goal = f"http://{site.inner_address(2, last)}:8000/labeling/health"
        code = "url => fetch(url, {mode: 'no-cors', signal: AbortSignal.timeout(2000)}).then(() => 'got', () => '')"
        assert hostile.evaluate(code, goal) == ""
    assert hostile.evaluate("async () => (await caches.keys()).length") == 0


# A shell in a service container of the UNCLASSIFIED enclave


def inside(site: Instance, code: str, container: str = "unclassified-labeling") -> str:
    answer = podman(site, "exec", container, "python3", "-c", code)
    return answer.stdout + answer.stderr


def test_a_container_forges_a_context_for_its_neighbour(site: Instance) -> None:
    code = f"""
import time, urllib.request, urllib.error
from appliance.monitor.context import Context, seal
key = open('/run/secrets/context.key', 'rb').read()
for path in ('/evaluation/api/jobs', '/inference/v1/models'):
    service, port = path.split('/')[1], 8000
    host = {{'evaluation': '{site.inner_address(1, 11)}', 'inference': '{site.inner_address(1, 12)}'}}[service]
    token = seal(Context(request='0'*32, enclave='unclassified', service=service, method='GET', path=path,
        action='read', subject='annotator', roles=('evaluator',), level='TS', nationalities=('USA',), label='U;;*',
        working='U;;*', expires=int(time.time()) + 60), key)
    try:
        print('GOT', urllib.request.urlopen(urllib.request.Request(f'http://{{host}}:8000{{path}}',
            headers={{'X-Appliance-Context': token}}), timeout=5).status)
    except urllib.error.HTTPError as error:
        print('refused', error.code)
"""
    assert inside(site, code).split() in (["refused", "403"] * 2, ["refused", "404"] * 2)


def test_a_container_cannot_speak_for_another_enclave(site: Instance) -> None:
    mark = secrets.token_hex(8)
    code = f"""
import http.client, json, socket
c = http.client.HTTPConnection('unix')
c.sock = socket.socket(socket.AF_UNIX)
c.sock.connect('/run/monitor/record.sock')
claim = {{'activity': 'attack.{mark}', 'subject': 'analyst', 'inputs': [], 'outputs': [],
    'detail': {{'label': 'S;;GBR,USA', 'enclave': 'secret'}}}}
c.request('POST', '/record', json.dumps(claim), {{'Host': 'unix'}})
print(c.getresponse().status)
"""
    status = inside(site, code).strip()
    bodies = [file.read_text() for file in (site.root / "log" / "bodies").glob("*")]
    lines = [json.loads(line) for body in bodies for line in body.splitlines() if mark in line]
    assert bool(lines) == (status == "200"), status
    assert all(line["label"] == "U;;*" and line["body"]["unmapped"]["enclave"] == "unclassified" for line in lines)


def test_a_container_sees_nothing_of_its_neighbours(site: Instance) -> None:
    code = """
import os
own = sorted(int(p) for p in os.listdir('/proc') if p.isdecimal())
print('processes', [open(f'/proc/{p}/cmdline').read().split(chr(0))[0] for p in own if p != os.getpid()])
for path in ('/var/lib/x', '/models/x', '/run/secrets/x', '/run/monitor/x', '/etc/x', '/proc/sys/kernel/x', '/sys/x'):
    try: open(path, 'w'); print('WROTE', path)
    except OSError: pass
for path in ('/proc/kcore', '/proc/1/mem', '/proc/sysrq-trigger', '/proc/keys', '/run/monitor/gateway.sock'):
    try: print('READ', path, open(path, 'rb').read(1))
    except OSError: pass
for path in ('/run/podman', '/var/run/docker.sock', '/usr/bin/podman', '/usr/bin/runc', '/dev/kvm', '/dev/mem'):
    if os.path.exists(path): print('HAS', path)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in (('unshare', (0x10000000,)), ('mount', (b'none', b'/tmp', b'tmpfs', 0, None)), ('setns', (0, 0)),
                        ('ptrace', (16, 1, 0, 0))):
    if getattr(libc, name)(*arguments) == 0: print('CALLED', name)
"""
    for container in ("unclassified-labeling", "unclassified-evaluation", "unclassified-inference"):
        shown = inside(site, code, container)
        assert not any(word in shown for word in ("WROTE", "HAS", "CALLED")), shown
        assert "READ" not in shown.replace("READ /proc/keys b''", ""), shown
        assert "nginx" not in shown.partition("\n")[0], "a process of another container is seen"


def test_a_container_changes_settings_of_the_database(site: Instance) -> None:
    code = """
import psycopg
attacks = ("SET row_security = off", "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres", "SET app.label = 'S'",
    "ALTER TABLE labeling.tasks DISABLE ROW LEVEL SECURITY", "COPY labeling.projects TO PROGRAM 'cat'", "CREATE ROLE x")
with psycopg.connect('host=/run/postgresql dbname=labeling user=labeling', autocommit=True) as c:
    for attack in attacks:
        try: c.execute(attack)
        except psycopg.Error: pass
    try: print('rows', c.execute('SELECT count(*) FROM labeling.projects').fetchone()[0])
    except psycopg.Error as error: print('refused', type(error).__name__)
for user in ('postgres', 'migrate'):
    try: psycopg.connect(f'host=/run/postgresql dbname=labeling user={user}'); print('BECAME', user)
    except psycopg.Error: pass
"""
    shown = inside(site, code)
    assert "BECAME" not in shown
    assert "rows 0" in shown or "refused" in shown, shown


def test_a_container_holds_streams_open_and_the_others_go_on(site: Instance, target: str) -> None:
    code = f"""
import socket, time
held = [socket.create_connection(('{site.inner_address(1, 2)}', 443), 5) for _ in range(200)]
print(len(held)); time.sleep(4)
"""
    shown = inside(site, code)
    with user(site, "analyst", "secret") as owner:
        assert owner.get(target).status_code == 200, shown


# A careless sysadmin


def test_an_image_swapped_by_tag_is_not_admitted(site: Instance) -> None:
    other = podman(site, "inspect", "--format", "{{.Image}}", "secret-labeling").stdout.strip()
    reference = podman(site, "inspect", "--format", "{{.ImageName}}", "secret-gateway").stdout.strip()
    right = podman(site, "inspect", "--format", "{{.Image}}", "secret-gateway").stdout.strip()
    podman(site, "rm", "--force", "--time", "0", "secret-labeling-migrate")
    assert podman(site, "tag", other, reference, program="podman").returncode == 125
    podman(site, "tag", other, reference)
    try:
        answer = podman(site, "run", "--rm", "--name", "secret-labeling-migrate", "--network", "none", reference)
        assert answer.returncode != 0
        assert "is not admitted" in answer.stderr
    finally:
        podman(site, "tag", right, reference)


def test_a_network_of_another_enclave_or_a_port_more_is_not_joined(site: Instance) -> None:
    answer = podman(site, "network", "connect", "unclassified-inner", "secret-gateway", program="podman")
    assert answer.returncode == 125
    assert recorded(site, "network connect unclassified-inner secret-gateway")
    networks = json.loads((site.root / "current" / "networks.json").read_text())
    assert networks["secret-labeling"]["ports"] == [], "a service publishes a port"
    assert len(networks["secret-gateway"]["ports"]) == 1


def test_the_log_tells_of_podmans_side_doors(site: Instance, tmp_path: Path) -> None:
    for command in (["attach", "secret-labeling"], ["volume", "import", "x", str(tmp_path / "x")], ["build", "."]):
        answer = podman(site, *command, program="podman")
        assert answer.returncode == 125
        assert recorded(site, f"podman {' '.join(command)}")
