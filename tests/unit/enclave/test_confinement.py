"""System calls and AppArmor: what the filter must refuse, that the hook knows a weaker one, that the profile parses."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.enclave import admission_hook
from appliance.host.enforce.configuration import APPARMOR_PROFILE, confinement
from tests.calls import CLONE, FOREIGN, NAMESPACES, SIGCHLD, Call, flagged, program, refused

WORKS = """
import asyncio, multiprocessing, subprocess, sys, threading
def say(what): print(what, flush=True)
def work():
    one = threading.Thread(target=say, args=('thread',)); one.start(); one.join()
    one = multiprocessing.get_context('fork').Process(target=say, args=('process',)); one.start(); one.join()
    subprocess.run([sys.executable, '-c', 'print("spawned", flush=True)'])
    async def loop():
        server = await asyncio.start_server(lambda r, w: w.close(), 'localhost', 0)
        reader, writer = await asyncio.open_connection('localhost', server.sockets[0].getsockname()[1])
        await reader.read(); writer.close(); server.close()
        say('loop')
    asyncio.run(loop())
work()
"""
PROFILE: dict[str, Any] = json.loads(confinement("seccomp.json"))
ALLOWED = {name for rule in PROFILE["syscalls"] for name in rule["names"] if rule["action"] == "SCMP_ACT_ALLOW"}


@pytest.mark.parametrize(
    "call",
    ["mount", "unshare", "setns", "ptrace", "process_vm_readv", "keyctl", "bpf", "open_by_handle_at", "pivot_root",
     "kexec_load", "init_module", "perf_event_open", "userfaultfd", "io_uring_setup", "mknod", "reboot", "iopl"],
)  # fmt: skip
def test_no_service_needs_this_call_and_none_has_it(call: str) -> None:
    assert call not in ALLOWED
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize(("calls", "at_least"), [(flagged, 300), (refused, 200)], ids=["flagged", "not in the profile"])
def test_the_kernel_answers_as_the_table_says_under_the_filter(
    calls: Callable[[], Iterator[Call]], at_least: int
) -> None:
    table = list(calls())
    assert len(table) >= at_least
    confined = [sys.executable, "-m", "tests.calls", "perl", "-e", program(table)]
    answer = subprocess.run(confined, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "refused\n", "")


def test_the_table_finds_what_an_unfiltered_process_may() -> None:
    table = [Call("clone NEWUSER", CLONE, (NAMESPACES["NEWUSER"] | SIGCHLD, 0, 0, 0, 0))]
    answer = subprocess.run(["perl", "-e", program(table)], capture_output=True, text=True, check=False)
    assert "clone NEWUSER: errno" in answer.stdout


@pytest.mark.parametrize("way", FOREIGN)
def test_calls_of_another_machine_end_the_process(way: str) -> None:
    confined = [sys.executable, "-m", "tests.calls", sys.executable, "-c", FOREIGN[way]]
    answer = subprocess.run(confined, capture_output=True, text=True, check=False)
    assert answer.stdout == "refused\n", answer.stderr


def test_threads_processes_and_loops_work_under_the_filter() -> None:
    confined = [sys.executable, "-m", "tests.calls", sys.executable, "-c", WORKS]
    answer = subprocess.run(confined, capture_output=True, text=True, check=False)
    assert answer.stdout.split() == ["thread", "process", "spawned", "loop"], answer.stderr


def test_one_call_more_or_another_default_is_another_profile() -> None:
    same = PROFILE | {"syscalls": list(reversed(PROFILE["syscalls"]))}
    as_the_runtime_gets_it = {name: value for name, value in same.items() if name != "archMap"}
    as_the_runtime_gets_it["architectures"] = ["SCMP_ARCH_X86_64"]
    assert admission_hook.calls(as_the_runtime_gets_it) == admission_hook.calls(PROFILE)
    assert admission_hook.calls(same) == admission_hook.calls(PROFILE)
    more = copy.deepcopy(PROFILE)
    more["syscalls"][0]["names"].append("mount")
    log = PROFILE | {"defaultAction": "SCMP_ACT_LOG"}
    assert admission_hook.calls(more) != admission_hook.calls(PROFILE)
    assert admission_hook.calls(log) != admission_hook.calls(PROFILE)


def test_the_apparmor_profile_parses_and_has_the_name_that_the_hook_wants() -> None:
    text = confinement("apparmor")
    parser = ["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--names"]
    answer = subprocess.run(parser, input=text, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == [APPARMOR_PROFILE]
