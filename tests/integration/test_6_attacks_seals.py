"""What a shell in each service's container makes of all that the container can read, and of contexts that it saw.

The code runs in the container, as its user. It brings along what the image does not have: a taken-over service knows
the formats.
"""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.contract import grant as grants
from appliance.contract.context import Context, seal
from appliance.enclave.paths import HostPaths
from appliance.markings import parse
from demo.instance import Instance
from demo.users import MARKINGS, MODEL
from tests.catalogue import CATALOGUE
from tests.integration.podman import podman

ENCLAVE, LABEL = "unclassified", "U;;*"
SERVICES = ("labeling", "evaluation", "inference")

TOOLS = """
import http.client, json, os, socket, sys, time, urllib.request, urllib.error
from pathlib import Path
def post(path, body):
    c = http.client.HTTPConnection('unix')
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect('/run/monitor/record.sock')
    c.request('POST', path, json.dumps(body), {'Host': 'unix'})
    answer = c.getresponse()
    return answer.status, answer.read().decode()
def get(host, path, token):
    request = urllib.request.Request(f'http://{host}:8000{path}', headers={'X-Appliance-Context': token})
    try: return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error: return error.code
def admitted(database, token):
    import psycopg
    try:
        with psycopg.connect(f'host=/run/postgresql dbname={database} user={database}') as c:
            c.execute('SELECT appliance.admit(%s)', [token])
            return True
    except psycopg.Error as error:
        return str(error)
"""

FORGE = """
import base64, hmac, itertools
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from appliance.contract.context import Context, seal
exec(compile(GRANTS, 'grants', 'exec'))
found = [p.read_bytes() for top in ('/run/secrets', '/run/appliance', '/etc/appliance', '/var/lib/appliance')
         for p in Path(top).rglob('*') if p.is_file() and p.stat().st_size < 8192 and os.access(p, os.R_OK)][:12]
print('files', sorted(p.name for p in Path('/run/secrets').iterdir()))
keys = {key for data in found for key in (data, data[:32], data[-32:], data.strip()) if len(key) >= 1} | {bytes(32)}
seeds = [key for key in keys if len(key) == 32]
count = 0
for service, host in HOSTS.items():
    for subject, method, action in (('officer', 'GET', 'read'), ('evaluator', 'POST', 'job'), ('x', 'POST', 'write')):
        path = f'/{service}/api/jobs'
        claims = Context(request=os.urandom(16).hex(), enclave=ENCLAVE, service=service, method=method,
            path=path, action=action, subject=subject, roles=('evaluator',), level=LABEL.split(';')[0],
            nationalities=('USA',), label=LABEL, working=LABEL, expires=int(time.time()) + 60)
        old = 'v1.' + base64.urlsafe_b64encode(claims.model_dump_json(exclude={'model', 'purpose'}).encode()).decode()
        tokens = [seal(claims, Ed25519PrivateKey.from_private_bytes(seed), seed) for seed in seeds]
        tokens += [f"{old}.{hmac.new(key, old.encode(), 'sha256').hexdigest()}" for key in keys]
        for token in tokens:
            count += 1
            if method == 'GET' and get(host, path, token) != 403: print('SERVED', service)
            if service == OWN and post('/record', {'activity': RECORD, 'context': token})[0] == 200: print('RECORDED')
            if service == OWN and post('/grant', {'context': token, 'job': 'x', 'model': MODEL, 'purpose': 'evaluation',
                                                  'calls': 1})[0] == 200: print('GRANTED')
            if os.path.exists('/run/postgresql/.s.PGSQL.5432'):
                for database in ('labeling', 'evaluation'):
                    if admitted(database, token) is True: print('ADMITTED', database)
grant = Grant(job='x', service=OWN, enclave=ENCLAVE, model=MODEL, purpose='evaluation', subject='evaluator',
              path=f'/{OWN}/api/jobs', label=LABEL, calls=1, expires=int(time.time()) + 60)
for key in keys:
    if post('/context', {'grant': seal_grant(grant, key)})[0] == 200: print('CONTEXT by a grant')
    if post('/record', {'activity': RECORD, 'grant': seal_grant(grant, key)})[0] == 200: print('RECORDED by a grant')
print('tried', count)
"""


def inside(site: Instance, container: str, code: str, enclave: str = ENCLAVE, **values: Any) -> str:
    """What ``code`` prints in the container, its capitals defined."""
    known = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    answer = podman(site, "exec", f"{enclave}-{container}", "python3", "-c", TOOLS + known + code)
    return answer.stdout + answer.stderr


def seen(site: Instance, service: str, **changes: Any) -> str:
    """A context that the monitor sealed for a request to ``service``, which whoever took the service over saw."""
    paths = HostPaths(site.root, site.run)
    values: dict[str, Any] = {
        "request": secrets.token_hex(16), "enclave": ENCLAVE, "service": service, "method": "POST",
        "path": f"/{service}/api/projects", "action": "write", "subject": "annotator", "roles": ("annotator",),
        "level": "U", "nationalities": ("USA",), "label": LABEL, "working": LABEL, "expires": int(time.time()) + 60,
    }  # fmt: skip
    signing_key = Ed25519PrivateKey.from_private_bytes(paths.signing_key.read_bytes())
    admission_key = paths.admission_key(ENCLAVE, service).read_bytes()
    return seal(Context.model_validate(values | changes), signing_key, admission_key)


RECORDS = {
    "labeling": "records.create",
    "evaluation": "evaluation.run",
    "inference": "model_inference_activity",
    "console": "evidence.export",
}


@pytest.mark.parametrize("service", RECORDS)
def test_with_all_that_it_reads_a_container_seals_nothing(site: Instance, service: str) -> None:
    """Neither for itself nor for its neighbours, the monitor or the database; no grant for anybody."""
    hosts = {name: site.inner_address(1, 10 + number) for number, name in enumerate(SERVICES)}
    enclave = ENCLAVE if service in hosts else "system-high"
    label = parse(MARKINGS[enclave]).label.encode()
    hosts = (hosts if enclave == ENCLAVE else {}) | {service: "127.0.0.1"}
    values = {"HOSTS": hosts, "OWN": service, "RECORD": RECORDS[service], "MODEL": MODEL}
    values["GRANTS"] = Path(grants.__file__).read_text()
    shown = inside(site, service, FORGE, enclave, ENCLAVE=enclave, LABEL=label, **values)
    lines = shown.splitlines()
    assert lines[-1].startswith("tried "), shown
    assert int(lines[-1].split()[1]) > 20
    assert not any(word in shown for word in ("SERVED", "RECORDED", "GRANTED", "ADMITTED", "Traceback")), shown
    held = {"ca.pem", "monitor.pub"} | ({"workload.key", "workload.pem"} if CATALOGUE[service].workload else set())
    assert lines[0] == f"files {sorted(held)}"


def test_no_key_of_the_monitor_is_in_a_container(site: Instance) -> None:
    paths = HostPaths(site.root, site.run)
    wanted = [paths.signing_key, paths.root / "secrets" / "grant.key"]
    wanted += [paths.admission_key(ENCLAVE, service) for service in SERVICES]
    known = [path.read_bytes().hex() for path in wanted]
    code = """
hit = []
for top in ('/run', '/etc', '/var', '/tmp', '/opt', '/models'):
    for path in Path(top).rglob('*'):
        try:
            data = path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 20 else b''
        except OSError: continue
        if any(bytes.fromhex(known) in data for known in KNOWN): hit.append(str(path))
print('hit', hit)
"""
    for service in SERVICES:
        assert inside(site, service, code, KNOWN=known).strip() == "hit []"


def test_a_context_that_was_seen_serves_no_other_service_or_purpose(site: Instance) -> None:
    """Whoever took a service over has the contexts of its requests, each for a minute."""
    code = """
print('other', admitted('labeling', OTHER) is True, post('/record', {'activity': RECORD, 'context': OTHER})[0])
print('read', post('/grant', {'context': OWN, 'job': 'x', 'model': MODEL, 'purpose': 'evaluation', 'calls': 1})[0])
print('late', admitted('labeling', LATE) is True, post('/record', {'activity': RECORD, 'context': LATE})[0])
print('elsewhere', get(NEIGHBOUR, '/evaluation/api/jobs', OWN))
"""
    values = {
        "OTHER": seen(site, "evaluation"),
        "OWN": seen(site, "labeling", method="GET", action="read"),
        "LATE": seen(site, "labeling", expires=int(time.time()) - 1),
        "RECORD": "records.create",
        "MODEL": MODEL,
        "NEIGHBOUR": site.inner_address(1, 11),
    }
    shown = inside(site, "labeling", code, **values)
    assert shown.splitlines() == ["other False 403", "read 403", "late False 403", "elsewhere 403"], shown


def test_a_committed_write_is_not_replayed_from_a_container(site: Instance) -> None:
    code = """
import psycopg
def write():
    try:
        with psycopg.connect('host=/run/postgresql dbname=labeling user=labeling') as c:
            c.execute('SELECT appliance.admit(%s)', [TOKEN])
            c.execute("INSERT INTO labeling.projects (label_id, portion, name, instruction) "
                      "VALUES (appliance.label_id('U;;*'), 'U', %s, '')", [NAME])
            return c.execute('SELECT count(*) FROM labeling.projects WHERE name = %s', [NAME]).fetchone()[0]
    except psycopg.Error as error:
        return type(error).__name__
print(write(), write(), write())
"""
    shown = inside(site, "labeling", code, TOKEN=seen(site, "labeling"), NAME=f"replayed {secrets.token_hex(4)}")
    assert shown.split() == ["1", "InsufficientPrivilege", "InsufficientPrivilege"], shown


def test_a_request_starts_one_job_for_its_own_person(site: Instance) -> None:
    """What remains for a shell in the evaluation's container: one job, for a person who starts one, of any size."""
    code = """
body = {'context': TOKEN, 'model': MODEL, 'purpose': 'evaluation', 'calls': 1}
answers = [post('/grant', body | {'job': name}) for name in (NAME, NAME, NAME + '-2')]
print([status for status, _ in answers])
grant = json.loads(answers[0][1])['grant']
import ssl
tls = ssl.create_default_context(cafile='/run/secrets/ca.pem')
tls.load_cert_chain('/run/secrets/workload.pem', '/run/secrets/workload.key')
def ask(token):
    request = urllib.request.Request('https://gateway.internal/inference/v1/models', headers={'X-Appliance-Job': token})
    try: return urllib.request.urlopen(request, timeout=10, context=tls).status
    except urllib.error.HTTPError as error: return error.code
print([ask(grant), ask(grant), ask(grant[:-1] + 'x'), ask('')])
"""
    name = f"attack-{secrets.token_hex(4)}"
    token = seen(site, "evaluation", action="job", path="/evaluation/api/jobs", subject="evaluator")
    shown = inside(site, "evaluation", code, TOKEN=token, NAME=name, MODEL=MODEL)
    assert shown.splitlines() == ["[200, 403, 403]", "[200, 404, 404, 404]"], shown
    bodies = [file.read_text() for file in (site.root / "log" / "bodies").glob("*")]
    events = [json.loads(line)["body"] for body in bodies for line in body.splitlines() if name in line]
    assert [event["actor"]["user"]["name"] for event in events] == ["evaluator"]
