"""Attempts from a shell in a container that was taken over."""

from collections.abc import Callable, Iterator

from tests.attack.make import KERNEL, PLACES, each, shell
from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.world import World
from tests.calls import FOREIGN, Call, flagged, program, refused

SERVICES = (Actor.LABELING, Actor.EVALUATION, Actor.INFERENCE, Actor.CONSOLE)
PYTHON = (*SERVICES, Actor.NEIGHBOUR)
BASH = (Actor.GATEWAY, Actor.DATABASE)
WRITE = """
done = 'refused'
for path in %r:
    try: open(path, 'w'); done = 'WROTE ' + path
    except OSError: pass
print(done)
"""
READ = """
done = 'refused'
for path in %r:
    try:
        if open(path, 'rb').read(1): done = 'READ ' + path
    except OSError: pass
print(done)
"""
CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
done = 'refused'
for name, arguments in %r:
    if getattr(libc, name)(*arguments) >= 0: done = 'CALLED ' + name
print(done)
"""
CONNECT = """
import socket
done = 'refused'
for target in %r:
    try: socket.create_connection(target, 1.5).close(); done = 'REACHED %%s:%%s' %% target
    except OSError: pass
print(done)
"""
ROOTS = (
    "/etc/x",
    "/usr/x",
    "/opt/appliance/app/x",
    "/models/x",
    "/run/secrets/x",
    "/run/monitor/x",
    "/proc/sys/kernel/x",
    "/sys/x",
    "/proc/sys/kernel/core_pattern",
    "/sys/fs/cgroup/cpu/cpu.shares",
)
SECRETS = (
    "/proc/kcore",
    "/proc/1/mem",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/vda",
    "/dev/sda",
    "/etc/shadow",
    "/proc/sysrq-trigger",
    "/run/monitor/gateway.sock",
    "/run/appliance/monitor.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
)
CALLS = (
    ("unshare", (0x10000000,)),
    ("unshare", (0x20000,)),
    ("mount", (b"none", b"/tmp", b"tmpfs", 0, None)),
    ("setns", (0, 0)),
    ("ptrace", (16, 1, 0, 0)),
    ("setuid", (0,)),
    ("setgid", (0,)),
    ("chroot", (b"/tmp",)),
    ("pivot_root", (b"/tmp", b"/tmp")),
    ("umount2", (b"/proc", 2)),
    ("sethostname", (b"x", 1)),
    ("reboot", (0,)),
    ("swapon", (b"/tmp/x", 0)),
    ("acct", (None,)),
)
NUMBERS = (
    ("bpf", 321),
    ("perf_event_open", 298),
    ("keyctl", 250),
    ("userfaultfd", 323),
    ("io_uring_setup", 425),
    ("init_module", 175),
    ("kexec_load", 246),
    ("open_by_handle_at", 304),
    ("add_key", 248),
)
SYSCALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
done = 'refused'
for name, number in %r:
    if libc.syscall(number, 0, 0, 0, 0, 0) >= 0: done = 'CALLED ' + name
print(done)
"""


def kernel() -> list[Row]:
    """What the kernel refuses to every container."""
    rows = []
    for actor in PYTHON:
        rows += [
            shell(actor, Kind.VOLUMES, "writes outside its volume", WRITE % (ROOTS,), quick=actor is Actor.LABELING),
            shell(actor, Kind.VOLUMES, "reads memory, disks, keys and sockets of the host", READ % (SECRETS,)),
            shell(
                actor,
                Kind.VOLUMES,
                "leaves its namespaces by system calls",
                CALL % (CALLS,),
                quick=actor is Actor.LABELING,
            ),
            shell(actor, Kind.VOLUMES, "asks for rare system calls", SYSCALLS % (NUMBERS,)),
            *(shell(actor, Kind.VOLUMES, f"makes system calls of {way}", code) for way, code in FOREIGN.items()),
            shell(actor, Kind.VOLUMES, "looks for processes that are not its own", _PROCESSES),
            shell(actor, Kind.VOLUMES, "becomes root by a program with that right", _SETUID),
            shell(actor, Kind.VOLUMES, "runs what it wrote to /tmp", _EXECUTE),
            shell(actor, Kind.NETWORKS, "opens raw and packet sockets", _RAW),
            shell(actor, Kind.NETWORKS, "resolves a name", _RESOLVE, quick=actor is Actor.LABELING),
            shell(actor, Kind.PODMAN, "looks for podman and its socket", _PODMAN),
        ]
    for actor in (*PYTHON, *BASH):
        rows += [_calls(actor, "makes namespaces and sockets with flags that it may not have", flagged)]
        rows += [_calls(actor, "asks for every call that the filter does not have", refused)]
    for actor in BASH:
        rows += [
            shell(actor, Kind.VOLUMES, "writes outside its volume", _BASH_WRITE),
            shell(actor, Kind.VOLUMES, "reads memory and disks of the host", _BASH_READ),
            shell(actor, Kind.VOLUMES, "makes namespaces and mounts", _BASH_CALLS),
        ]
    return rows


def _calls(actor: Actor, attempt: str, calls: Callable[[], Iterator[Call]]) -> Row:
    """The table of system calls, by a program in Perl, which every image has."""

    def do(world: World) -> Seen:
        return world.shell(PLACES[actor], program(list(calls())), ("perl", "-e"))

    quick = actor is Actor.GATEWAY
    return Row(actor, Kind.VOLUMES, attempt, do, "refused", unrecorded=KERNEL, quick=quick)


_PROCESSES = """
import os
uid = os.getuid()
others = [p for p in os.listdir('/proc') if p.isdigit() and os.stat('/proc/' + p).st_uid != uid]
print('SEES %s' % others if others else 'refused')
"""
_SETUID = """
import os, stat
found = []
for top in ('/usr', '/bin', '/sbin', '/opt'):
    for folder, _, files in os.walk(top):
        for name in files:
            s = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(s.st_mode) and s.st_mode & 0o6000 and s.st_uid == 0: found.append(name)
import ctypes
libc = ctypes.CDLL(None)
print('refused' if libc.prctl(39, 0, 0, 0, 0) == 1 and libc.setuid(0) != 0 else 'GAINS %s' % found[:3])
"""
_EXECUTE = """
import os, subprocess
open('/tmp/x', 'w').write('#!/bin/sh\\necho ran'); os.chmod('/tmp/x', 0o755)
try: print('RAN' if subprocess.run(['/tmp/x'], capture_output=True).stdout else 'refused')
except OSError: print('refused')
os.unlink('/tmp/x')
"""
_RAW = """
import socket
done = 'refused'
for family, kind, protocol in ((2, 3, 1), (17, 3, 768), (2, 3, 255), (10, 3, 58)):
    try: socket.socket(family, kind, protocol); done = 'OPENED %s' % family
    except OSError: pass
print(done)
"""
_RESOLVE = """
import socket
done = 'refused'
for name in ('debian.org', 'secret-gateway', 'unclassified-gateway', 'system-high-gateway'):
    try: socket.getaddrinfo(name, 443); done = 'RESOLVED ' + name
    except OSError: pass
print(done)
"""
_PODMAN = """
import os
places = ('/usr/bin/podman', '/usr/bin/runc', '/run/podman', '/run/containers', '/dev/kvm', '/dev/fuse')
found = [p for p in places if os.path.exists(p)]
print('HAS %s' % found if found else 'refused')
"""
_BASH_WRITE = """
done=refused
for path in /etc/x /usr/x /models/x /proc/sys/kernel/core_pattern /sys/x /run/secrets/x; do
  (echo x > $path) 2>/dev/null && done="WROTE $path"
done; echo "$done"
"""
_BASH_READ = """
done=refused
for path in /proc/kcore /proc/1/mem /dev/mem /dev/vda /dev/sda /etc/shadow /run/appliance/monitor.sock; do
  head -c 1 $path >/dev/null 2>&1 && done="READ $path"
done; echo "$done"
"""
_BASH_CALLS = """
done=refused
for way in "unshare -U true" "unshare -m true" "mount -t tmpfs none /tmp" "chroot / true" "su -c true"; do
  $way >/dev/null 2>&1 && done="DID $way"
done; echo "$done"
"""


def networks() -> list[Row]:
    """What lies beside a container, and beyond its enclave."""
    outward = (("<host>.10", 22), ("<host>.1", 80), ("192.0.2.1", 80), ("198.51.100.7", 443))
    secret = (
        ("<net>.2.2", 443),
        ("<net>.2.10", 8000),
        ("<net>.2.11", 8000),
        ("<net>.2.12", 8000),
        ("<net>.2.130", 443),
    )
    low = tuple((address.replace(".2.", ".1."), port) for address, port in secret)
    console = (("<net>.3.2", 443), ("<net>.3.13", 8000), ("<net>.3.130", 443))
    gateways = (("<host>.11", 443), ("<host>.12", 443), ("<host>.13", 443))
    rows = []
    for actor in PYTHON:
        beyond = {Actor.NEIGHBOUR: (*low, *console), Actor.CONSOLE: (*low, *secret)}.get(actor, (*secret, *console))
        rows += [
            shell(actor, Kind.NETWORKS, "connects to the host and outward", CONNECT % (outward,)),
            shell(
                actor,
                Kind.NETWORKS,
                "connects to containers of other enclaves",
                CONNECT % (beyond,),
                quick=actor is Actor.NEIGHBOUR,
            ),
            shell(actor, Kind.PORTS, "connects to gateways from inside", CONNECT % (gateways,)),
        ]
    for actor in BASH:
        probe = (
            "done=refused\nfor at in %s; do\n"
            'timeout 1 bash -c "exec 3<>/dev/tcp/$at" 2>/dev/null && done="REACHED $at"\ndone; echo "$done"'
        )
        where = " ".join(f"{address}/{port}" for address, port in (*secret, *console, *outward))
        rows.append(shell(actor, Kind.NETWORKS, "connects to other enclaves, the host and outward", probe % where))
    return rows


def neighbours() -> list[Row]:
    """Services of the same enclave, and its gateway, asked from inside."""
    direct = """
import urllib.request, urllib.error
said = set()
for port, path in ((10, '/labeling/api/projects'), (11, '/evaluation/api/jobs'), (12, '/inference/v1/models')):
    try: said.add(urllib.request.urlopen('http://<net>.1.%d:8000%s' % (port, path), timeout=5).status)
    except urllib.error.HTTPError as error: said.add(error.code)
print(*sorted(said))
"""
    bare = """
import ssl, http.client, os
context = ssl.create_default_context(cafile='/run/secrets/ca.pem'); context.check_hostname = False
%s
c = http.client.HTTPSConnection('gateway.internal', context=context, timeout=5)
c.request('GET', '/inference/v1/models'); print(c.getresponse().status)
"""
    workload = "context.load_cert_chain('/run/secrets/workload.pem', '/run/secrets/workload.key')"
    inside = (Actor.LABELING, Actor.EVALUATION, Actor.INFERENCE)
    why = "a service answers nobody without a context, and decides nothing"
    rows = each(
        inside,
        lambda actor: shell(
            actor, Kind.IDENTITY, "asks its neighbours without a context", direct, "403", unrecorded=why
        ),
    )
    rows += each(
        inside,
        lambda actor: shell(
            actor, Kind.IDENTITY, "asks the gateway without a certificate", bare % "", "404", "identity.none"
        ),
    )
    rows += each(
        inside[:2],
        lambda actor: shell(
            actor,
            Kind.IDENTITY,
            "asks the gateway as a workload without a grant",
            bare % workload,
            "404",
            "workload.no-grant",
        ),
    )
    rows += [
        shell(
            Actor.GATEWAY,
            Kind.IDENTITY,
            "asks for a decision with a certificate of its own making",
            _DECIDE % "GET /decide",
            "403",
            '"action_id":2',
        ),
        shell(
            Actor.GATEWAY,
            Kind.RECORDS,
            "asks for a record as a service does",
            _DECIDE % "POST /record",
            "404",
            unrecorded="the gateway's socket has no such path",
        ),
        shell(
            Actor.GATEWAY,
            Kind.RECORDS,
            "applies access rules",
            _DECIDE % "POST /apply",
            "404",
            unrecorded="the gateway's socket has no such path",
        ),
        shell(
            Actor.GATEWAY,
            Kind.IMAGES,
            "replaces its own configuration",
            "(echo x > /etc/appliance/nginx.conf) 2>/dev/null && echo WROTE || echo refused",
        ),
        shell(
            Actor.GATEWAY,
            Kind.IDENTITY,
            "reads keys of another enclave's gateway",
            "cat /run/secrets/../../var/lib/appliance*/secrets/*/gateway/* 2>/dev/null || echo refused",
        ),
        shell(
            Actor.DATABASE,
            Kind.VOLUMES,
            "lets PostgreSQL read what its user may not",
            "psql -X -U postgres -d postgres -h /run/postgresql -Atc \"select pg_read_file('/etc/shadow', 0, 1)\""
            " 2>/dev/null | grep -q . && echo READ || echo refused",
        ),
        shell(
            Actor.DATABASE,
            Kind.NETWORKS,
            "listens to others by TCP",
            "psql -X -U postgres -h 127.0.0.1 -c 'select 1' >/dev/null 2>&1 && echo REACHED || echo refused",
        ),
        shell(Actor.LABELING, Kind.DATABASE, "changes settings, roles and policies", _SETTINGS, "refused"),
        shell(Actor.LABELING, Kind.DATABASE, "becomes another user of the database", _BECOME, "refused"),
        shell(
            Actor.GATEWAY,
            Kind.DATABASE,
            "finds the database's socket",
            "ls /run/postgresql/.s* 2>/dev/null || echo refused",
        ),
        shell(Actor.EVALUATION, Kind.DATABASE, "reads others' data, jobs and grants of the database", _QUEUE),
        shell(
            Actor.INFERENCE,
            Kind.DATABASE,
            "finds the database's socket",
            "import glob; print(glob.glob('/run/postgresql/.s*') or 'refused')",
        ),
        shell(
            Actor.DATABASE, Kind.RECORDS, "finds a socket of the monitor", "ls /run/monitor 2>/dev/null || echo refused"
        ),
        shell(
            Actor.GATEWAY, Kind.RECORDS, "finds a socket for records", "ls /run/monitor | grep record || echo refused"
        ),
        shell(
            Actor.GATEWAY,
            Kind.IDENTITY,
            "finds keys of services",
            "ls /run/secrets | grep -E 'context|workload' || echo refused",
        ),
    ]
    return rows


_DECIDE = """
exec perl -MIO::Socket::UNIX -e '
my $s = IO::Socket::UNIX->new("/run/monitor/gateway.sock") or die;
my @head = ("%s HTTP/1.1", "Host: x", "X-Client-Certificate: forged", "X-Original-Method: GET",
    "X-Original-URI: /labeling/x", "Content-Length: 0", "", "");
print $s join("\\r\\n", @head);
my $line = <$s>; print((split / /, $line)[1]);'
"""
_SETTINGS = """
import psycopg
done = 'refused'
attacks = ("SET ROLE postgres", "SET SESSION AUTHORIZATION postgres", "CREATE ROLE x", "ALTER SYSTEM SET fsync = off",
    "ALTER TABLE labeling.tasks DISABLE ROW LEVEL SECURITY", "COPY labeling.projects TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "CREATE EXTENSION plperlu", "LOAD '/tmp/x.so'", "DROP TABLE labeling.projects", "CREATE TABLE labeling.x (a int)",
    "SELECT lo_import('/etc/passwd')")
with psycopg.connect('host=/run/postgresql dbname=labeling user=labeling', autocommit=True) as c:
    for attack in attacks:
        try: c.execute(attack); done = 'DID ' + attack
        except psycopg.Error: pass
    for setting in ("row_security = off", "app.label = 'S'", "appliance.readable = '{1,2,3}'"):
        try: c.execute('SET ' + setting)
        except psycopg.Error: pass
    for table in ('labeling.projects', 'appliance.job', 'appliance.object', 'appliance.restriction'):
        try:
            if c.execute(f'SELECT count(*) FROM {table}').fetchone()[0]: done = 'READ'
        except psycopg.Error: pass
print(done)
"""
_QUEUE = """
import psycopg
done = 'refused'
others = (('labeling', 'labeling'), ('labeling', 'evaluation'), ('evaluation', 'migrate'), ('postgres', 'postgres'))
for base, user in others:
    try: psycopg.connect(f'host=/run/postgresql dbname={base} user={user}').close(); done = 'BECAME ' + user
    except psycopg.Error: pass
with psycopg.connect('host=/run/postgresql dbname=evaluation user=evaluation', autocommit=True) as c:
    for table in ('appliance.job', 'evaluation.pack', 'evaluation.suite', 'evaluation.attempt', 'evaluation.rating'):
        if c.execute(f'SELECT count(*) FROM {table}').fetchone()[0]: done = 'READ'
    for attack in ("DELETE FROM evaluation.finding", "UPDATE evaluation.pack SET sha256 = ''",
        "SELECT job_grant FROM appliance.job", "SELECT claim FROM appliance.job",
        "UPDATE appliance.job SET state = 'done'", "ALTER TABLE appliance.job DISABLE ROW LEVEL SECURITY",
        "SELECT key FROM appliance.admission_key", "SELECT appliance.restriction_id('U;;*||')"):
        try: c.execute(attack); done = 'DID ' + attack
        except psycopg.Error: pass
print(done)
"""
_BECOME = """
import psycopg
done = 'refused'
for user in ('postgres', 'migrate', 'evaluation', 'inference'):
    for base in ('labeling', 'postgres'):
        try: psycopg.connect(f'host=/run/postgresql dbname={base} user={user}').close(); done = 'BECAME ' + user
        except psycopg.Error: pass
print(done)
"""


def rows() -> list[Row]:
    """All of them."""
    return [*kernel(), *networks(), *neighbours()]
