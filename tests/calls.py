"""System calls that the filter answers: (call, arguments, expected errno), and a program in Perl that tries them.

Perl is in every image (``perl-base`` is essential in Debian), so the same table is tried in every container, and under
the filter alone on this machine (``python -m tests.calls COMMAND...``). Numbers are those of x86-64.
"""

import ctypes
import errno
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.host.enforce.configuration import confinement

LAST = 512
"""Numbers of calls that are tried; Linux 6.18 ends below."""
PROBES = {335, 336}
"""``uretprobe`` and ``uprobe``: the kernel lets no filter see them, and kills whoever calls them from elsewhere."""
CLONE, CLONE3, UNSHARE, SOCKET, SOCKETPAIR, PERSONALITY = 56, 435, 272, 41, 53, 135
NAMESPACES = {
    "NEWNS": 0x20000, "NEWCGROUP": 0x2000000, "NEWUTS": 0x4000000, "NEWIPC": 0x8000000, "NEWUSER": 0x10000000,
    "NEWPID": 0x20000000, "NEWNET": 0x40000000,
}  # fmt: skip
"""The namespace flags of ``clone`` (2)."""
ALL = sum(NAMESPACES.values())
SIGCHLD = 17
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
FAMILIES = 50
STREAM, DGRAM, RAW, SEQPACKET, PACKET = 1, 2, 3, 5, 10
TCP, UDP, ICMP, DCCP, SCTP, UDPLITE, MPTCP = 6, 17, 1, 33, 132, 136, 262
HIGH = 1 << 32
"""A bit that the kernel cuts off where an argument is an ``int``."""


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        name: for people.
        number: of the call.
        arguments: numbers; bytes stand for a pointer to them.
        expected: the errno of the answer, 0 where the call succeeds.
    """

    name: str
    number: int
    arguments: tuple[int | bytes, ...]
    expected: int = errno.ENOSYS


def clone_arguments(flags: int) -> bytes:
    """``struct clone_args`` of ``clone3`` (2)."""
    return b"".join(value.to_bytes(8, "little") for value in (flags, 0, 0, 0, SIGCHLD, 0, 0, 0))


def flagged() -> Iterator[Call]:
    """Every call of the profile that is let through for some of its arguments only, and its newer spelling."""
    for name, flag in [*NAMESPACES.items(), ("NEWUSER|NEWNET", 0x50000000), ("all", ALL)]:
        yield Call(f"clone {name}", CLONE, (flag | SIGCHLD, 0, 0, 0, 0))
        yield Call(f"clone {name}, a bit above", CLONE, (HIGH | flag | SIGCHLD, 0, 0, 0, 0))
        yield Call(f"clone3 {name}", CLONE3, (clone_arguments(flag), 64))
        yield Call(f"unshare {name}", UNSHARE, (flag,))
    yield Call("clone3 without a flag", CLONE3, (clone_arguments(0), 64))
    yield Call("clone3 NEWTIME", CLONE3, (clone_arguments(0x80), 64))
    yield Call("unshare NEWTIME", UNSHARE, (0x80,))
    yield Call("clone without a flag", CLONE, (SIGCHLD, 0, 0, 0, 0), 0)
    for family in range(FAMILIES):
        if family not in (UNIX, INET, INET6):
            for kind in (STREAM, DGRAM, RAW, SEQPACKET):
                yield Call(f"socket of family {family}, type {kind}", SOCKET, (family, kind, 0))
        if family != UNIX:
            yield Call(f"socketpair of family {family}", SOCKETPAIR, (family, STREAM, 0, bytes(8)))
    yield Call("socket of AF_NETLINK, a bit above", SOCKET, (HIGH | NETLINK, RAW, 0))
    for family in (INET, INET6):
        for kind, protocol in (
            *((kind, protocol) for kind in (STREAM, SEQPACKET, RAW) for protocol in (SCTP, MPTCP, ICMP, 255)),
            *((6, DCCP), (DGRAM, ICMP), (DGRAM, UDPLITE), (DGRAM, 58), (RAW, 0), (RAW, TCP), (RAW, UDP), (PACKET, 768)),
            *((STREAM, UDP), (DGRAM, TCP), (STREAM | 0x80000, MPTCP), (RAW | 0x800, ICMP)),
        ):
            yield Call(f"socket of family {family}, type {kind}, protocol {protocol}", SOCKET, (family, kind, protocol))
        for kind, protocol in ((STREAM, 0), (STREAM, TCP), (DGRAM | 0x80000, 0), (DGRAM | 0x800, UDP)):
            name = f"socket of family {family}, type {kind}, protocol {protocol}"
            yield Call(name, SOCKET, (family, kind, protocol), 0)
    for persona in (0x40000, 0x100000, 0x400000, 0x20000 | 0x40000, HIGH | 0x40000):
        yield Call(f"personality {persona:#x}", PERSONALITY, (persona,))


def profile() -> dict[str, Any]:
    """The filter, as the appliance gives it to podman."""
    return dict(json.loads(confinement("seccomp.json")))


def refused() -> Iterator[Call]:
    """Every call that the profile does not have. All arguments are -1, so that none does harm if it is let through."""
    library = ctypes.CDLL("libseccomp.so.2")
    names = {name for rule in profile()["syscalls"] for name in rule["names"]}
    had = {library.seccomp_syscall_resolve_name(name.encode()) for name in names}
    for number in sorted(set(range(LAST)) - had - PROBES):
        yield Call(f"call {number}", number, (-1,) * 6)


def program(calls: list[Call]) -> str:
    """Perl that tries ``calls`` and prints, a line each, those that were answered otherwise; ``refused`` if none."""
    rows = ",\n".join(
        f"['{call.name}', {call.expected}, {call.number}, {', '.join(map(_value, call.arguments))}]" for call in calls
    )
    return f"""
use POSIX ();
my @rows = ({rows});
my $parent = $$;
for my $row (@rows) {{
    my ($name, $expected, @call) = @$row;
    $! = 0;
    my $answer = syscall($call[0], @call[1..$#call]);
    my $errno = $answer == -1 ? $! + 0 : 0;
    POSIX::_exit(0) if $$ != $parent || ($call[0] == {CLONE} || $call[0] == {CLONE3}) && $answer == 0;
    print "$name: errno $errno instead of $expected\\n" and $wrong = 1 if $errno != $expected;
    POSIX::close($answer) if $call[0] == {SOCKET} && $answer > 2;
}}
print "refused\\n" unless $wrong;
"""


def _value(argument: int | bytes) -> str:
    if isinstance(argument, int):
        return str(argument)
    return '"' + "".join(f"\\x{byte:02x}" for byte in argument) + '"'


_FOREIGN = """
import ctypes, mmap, os
def attempt():
    %s
child = os.fork()
if child == 0:
    attempt()
    os._exit(0)
status = os.waitpid(child, 0)[1]
print('refused' if os.WIFSIGNALED(status) else 'exit %%d' %% os.WEXITSTATUS(status))
"""
FOREIGN = {
    # mov eax, 20 (getpid of i386); int 0x80; ret
    "32 bits": _FOREIGN
    % """page = mmap.mmap(-1, 4096, prot=7); page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()""",
    "x32": _FOREIGN % "ctypes.CDLL(None).syscall(0x40000000 | 39)",
}
"""Programs in Python that make system calls of another architecture, whose numbers mean other things (seccomp(2))."""


class _Comparison(ctypes.Structure):
    """``struct scmp_arg_cmp`` of seccomp_rule_add(3)."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


_OPERATIONS = {"SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def confine() -> None:
    """Load the filter into this process, as the runtime does with a container's.

    Raises:
        OSError: the kernel or libseccomp refuses it.
    """
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    document = profile()
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ERRNO | document["defaultErrnoRet"])))
    for rule in document["syscalls"]:
        compared = [
            _Comparison(arg["index"], _OPERATIONS[arg["op"]], arg["value"], arg.get("valueTwo", 0))
            for arg in rule["args"]
        ]
        array = (_Comparison * len(compared))(*compared)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:
                _require(library.seccomp_rule_add_array(context, ctypes.c_uint32(_ALLOW), number, len(compared), array))
    _require(library.seccomp_load(context))


def _require(answer: int) -> None:
    if answer != 0:
        raise OSError(-answer, os.strerror(-answer))


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
