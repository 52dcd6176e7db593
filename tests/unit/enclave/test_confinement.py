"""System calls and AppArmor: what the filter must refuse, that the hook knows a weaker one, that the profile parses."""

import copy
import json
import subprocess
from typing import Any

import pytest

from appliance.enclave import admission_hook
from appliance.host.enforce.configuration import APPARMOR_PROFILE, confinement

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


def test_sockets_are_of_four_families_only() -> None:
    rules = [rule["args"] for rule in PROFILE["syscalls"] if "socket" in rule["names"]]
    assert {(a[0]["index"], a[0]["op"], a[0]["value"]) for a in rules} == {
        (0, "SCMP_CMP_EQ", n) for n in (1, 2, 10, 16)
    }


def test_one_call_more_or_another_default_is_another_profile() -> None:
    same = {"defaultAction": PROFILE["defaultAction"], "syscalls": list(reversed(PROFILE["syscalls"]))}
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
