"""Attempts of a container at the monitor: records and grants in names that are not its own, and what it uses up."""

import json
from concurrent.futures import ThreadPoolExecutor

from tests.attack.make import PLACES, shell
from tests.attack.row import Actor, Kind, Row, Seen
from tests.attack.rows.shells import PYTHON
from tests.attack.world import World

UNREAD = "what is no request of the interface is refused before anything is attributed"

ASK = """
import http.client, json, socket, sys
def ask(path, body):
    c = http.client.HTTPConnection('unix')
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect('/run/monitor/record.sock')
    c.request('POST', path, body if isinstance(body, bytes) else json.dumps(body), {'Host': 'unix'})
    return c.getresponse().status
"""


def records() -> list[Row]:
    """Records and grants that a container asks for in a name that is not its own."""
    sealed = "v1.e30=." + "0" * 64
    claims = {
        "request": "0" * 32,
        "enclave": "unclassified",
        "service": "labeling",
        "method": "GET",
        "path": "/",
        "action": "x",
        "subject": "officer",
        "level": "TS",
        "label": "U;;*",
        "working": "U;;*",
        "expires": 1 << 40,
    }
    forged = (
        f"import base64; payload = base64.urlsafe_b64encode({json.dumps(claims)!r}.encode()).decode()\n"
        "token = 'v1.' + payload + '.' + '0' * 64\n"
    )
    tries = (
        ("finishes a review", "print(ask('/record', {'activity': 'review.finish'}))"),
        ("says that the disk is full", "print(ask('/record', {'activity': 'storage.halt'}))"),
        ("says that an enclave was erased", "print(ask('/record', {'activity': 'enclave.erase'}))"),
        ("says that the spool has a gap", "print(ask('/record', {'activity': 'spool.gap'}))"),
        ("opens a session for somebody", "print(ask('/record', {'activity': 'session.open'}))"),
        ("records in nobody's name", "print(ask('/record', {'activity': '<own>'}))"),
        (
            "records with a context of its own making",
            forged + "print(ask('/record', {'activity': '<own>', 'context': token}))",
        ),
        (
            "records with a grant of its own making",
            f"print(ask('/record', {{'activity': '<own>', 'grant': '{sealed}'}}))",
        ),
        (
            "trades a grant of its own making for a context",
            f"print(ask('/context', {{'grant': '{sealed}'}}))",
        ),
        (
            "asks for a grant with a context of its own making",
            forged + "print(ask('/grant', {'context': token, 'job': 'j', 'model': 'm', 'purpose': 'p', 'calls': 1}))",
        ),
    )
    refused = (
        ("records in the officer's name", "print(ask('/record', {'activity': '<own>', 'subject': 'officer'}))", "422"),
        ("records for another enclave", "print(ask('/record', {'activity': '<own>', 'enclave': 'secret'}))", "422"),
        ("sends half of JSON", "print(ask('/record', b'{\"activity\"'))", "422"),
        ("sends what is no UTF-8", "print(ask('/record', b'\\xff\\xfe'))", "422"),
        ("asks for a decision", "print(ask('/decide', {}))", "404"),
        ("applies access rules", "print(ask('/apply', {'folder': '/tmp', 'dry_run': False}))", "404"),
    )
    own = {
        Actor.LABELING: "records.export",
        Actor.EVALUATION: "evaluation.run",
        Actor.INFERENCE: "model_inference_activity",
        Actor.CONSOLE: "evidence.export",
        Actor.NEIGHBOUR: "records.export",
    }
    rows = []
    for actor in PYTHON:
        for attempt, code in tries:
            rows.append(
                shell(
                    actor,
                    Kind.RECORDS,
                    attempt,
                    ASK + code.replace("<own>", own[actor]),
                    "403",
                    "record.unattributed",
                    quick=actor is Actor.LABELING,
                )
            )
        for attempt, code, status in refused:
            rows.append(
                shell(actor, Kind.RECORDS, attempt, ASK + code.replace("<own>", own[actor]), status, unrecorded=UNREAD)
            )
        if actor is not Actor.CONSOLE:
            code = "print(ask('/cosign', {'context': 'x', 'note': 'x'}))"
            rows.append(shell(actor, Kind.RECORDS, "cosigns the log", ASK + code, "404", unrecorded=UNREAD))
    return rows


def floods() -> list[Row]:
    """What a container uses up of what it shares."""
    idle = """
import socket, time, http.client, json
held = []
for _ in range(900):
    c = socket.socket(socket.AF_UNIX); c.settimeout(1)
    try: c.connect('/run/monitor/record.sock'); held.append(c)
    except OSError: pass
print('held'); time.sleep(%d)
"""
    processes = """
import os, time
children = []
try:
    while len(children) < 2000:
        pid = os.fork()
        if pid == 0: time.sleep(20); os._exit(0)
        children.append(pid)
    print('FORKED')
except OSError: print('refused')
for pid in children: os.kill(pid, 9); os.waitpid(pid, 0)
"""
    files = """
import os
try:
    with open('/tmp/x', 'wb') as file:
        for _ in range(400): file.write(bytes(1 << 20))
    print('WROTE')
except OSError as error: print('refused')
os.unlink('/tmp/x')
"""
    storage = """
import os
size = os.statvfs('/var/lib/appliance').f_blocks * os.statvfs('/var/lib/appliance').f_frsize
done = 'refused' if size <= 4 << 30 else 'HAS %d' % size
file = os.open('/var/lib/appliance/x', os.O_CREAT | os.O_WRONLY)
try: os.posix_fallocate(file, 0, 64 << 30); done = 'TOOK 64 GiB'
except OSError: pass
os.close(file); os.unlink('/var/lib/appliance/x')
print(done)
"""
    why = "connections that say nothing are no requests; the monitor's own log tells of them"
    return [
        shell(Actor.LABELING, Kind.FLOODS, "holds 900 connections to the monitor", idle % 0, "held", unrecorded=why),
        shell(Actor.EVALUATION, Kind.FLOODS, "starts processes without end", processes),
        shell(Actor.LABELING, Kind.FLOODS, "fills its temporary folder", files),
        shell(Actor.EVALUATION, Kind.FLOODS, "fills its temporary folder", files),
        *(
            shell(actor, Kind.FLOODS, "takes more of the disk than its enclave's storage", storage, quick=number == 0)
            for number, actor in enumerate((Actor.INFERENCE, Actor.LABELING, Actor.CONSOLE, Actor.NEIGHBOUR))
        ),
        Row(
            Actor.LABELING,
            Kind.FLOODS,
            "asks for records that are not its own without pause",
            _without_pause,
            "the others get 200",
            "record.unattributed",
            quick=True,
        ),
        Row(
            Actor.LABELING,
            Kind.FLOODS,
            "holds 900 connections while others work",
            _held,
            "the others get 200",
            unrecorded=why,
        ),
    ]


PAUSELESS = (
    ASK
    + """
import time
end = time.monotonic() + 3
while time.monotonic() < end: ask('/record', {'activity': 'storage.halt'})
"""
)
HELD = """
import socket, time
held = []
for _ in range(900):
    c = socket.socket(socket.AF_UNIX); c.settimeout(1)
    try: c.connect('/run/monitor/record.sock'); held.append(c)
    except OSError: pass
time.sleep(3)
"""


def _meanwhile(world: World, code: str) -> Seen:
    """What somebody at SECRET gets while a container of another enclave runs ``code``."""
    with ThreadPoolExecutor(1) as pool:
        attack = pool.submit(world.shell, PLACES[Actor.LABELING], code)
        statuses = set()
        while not attack.done():
            statuses.add(world.clients["analyst", "secret"].get(world.target).status_code)
    return Seen(f"the others get {' '.join(map(str, sorted(statuses)))}")


def _without_pause(world: World) -> Seen:
    return _meanwhile(world, PAUSELESS)


def _held(world: World) -> Seen:
    return _meanwhile(world, HELD)


def rows() -> list[Row]:
    """All of them."""
    return [*records(), *floods()]
