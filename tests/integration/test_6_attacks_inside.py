"""Attacks from a shell in a service container and by a careless sysadmin, each a short test (docs/attacks.md)."""

import json
import secrets
from pathlib import Path

from demo.instance import Instance
from demo.users import user
from tests.integration.podman import podman, recorded

# A shell in a service container of the UNCLASSIFIED enclave


def inside(site: Instance, code: str, container: str = "unclassified-labeling") -> str:
    answer = podman(site, "exec", container, "python3", "-c", code)
    return answer.stdout + answer.stderr


def test_a_container_cannot_speak_for_another_enclave(site: Instance) -> None:
    """Nor for another service, the host or an officer: what it may not say is refused, and kept as a finding."""
    mark = secrets.token_hex(8)
    code = f"""
import http.client, json, os, socket
def ask(claim):
    c = http.client.HTTPConnection('unix')
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect('/run/monitor/record.sock')
    c.request('POST', '/record', json.dumps(claim), {{'Host': 'unix'}})
    return c.getresponse().status
detail = {{'label': 'S;;GBR,USA', 'enclave': 'secret', 'mark': '{mark}'}}
for activity in ('review.finish', 'storage.halt', 'enclave.erase', 'spool.gap', 'job.grant', 'evaluation.run',
                 'attack.unlisted', 'records.export'):
    print(activity, ask({{'activity': activity, 'detail': detail}}))
print('subject', ask({{'activity': 'records.export', 'subject': 'officer', 'detail': detail}}))
print('sockets', os.listdir('/run/monitor'))
"""
    said = dict(line.split(" ", 1) for line in inside(site, code).splitlines())
    assert said.pop("sockets") == "['record.sock']"
    assert said.pop("subject") == "422"
    assert set(said.values()) == {"403"}, said
    bodies = [file.read_text() for file in (site.root / "log" / "bodies").glob("*")]
    lines = [json.loads(line)["body"] for body in bodies for line in body.splitlines() if "record.unattributed" in line]
    mine = [line for line in lines if line["actor"]["user"]["name"] == "service:labeling"]
    assert len(mine) >= len(said)
    assert {(line["label"], line["unmapped"]["enclave"]) for line in mine} == {("U;;*", "unclassified")}
    assert not any(mark in line and '"detail":{"' + "label" in line for body in bodies for line in body.splitlines())


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
