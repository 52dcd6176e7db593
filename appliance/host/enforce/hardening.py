"""The host's own hardening: apply the table `policies/hardening.yml`, and say of each control whether it holds.

Nothing here knows a single control; what is checked and set stands in the table, which an accreditor reads and edits.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.enforce.difference import HostDifference
from appliance.trust.files import replace_file

HEADER = "# Written by the appliance from policies/hardening.yml; changes here are undone.\n"
# Of two files that set the same, the later name wins whatever its folder (sysctl.d(5)): behind 99-protect-links.conf.
SYSCTL_FILE = "etc/sysctl.d/99-zz-appliance.conf"
MODULE_FILE = "etc/modprobe.d/appliance.conf"
SSHD_FILE = "etc/ssh/sshd_config.d/10-appliance.conf"
UNITS = "etc/systemd/system"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Strict):
    """A name and the value it must have."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class FileMode(_Strict):
    """A file or folder and the most that its mode may grant, in octal digits."""

    path: Annotated[str, Field(pattern=r"^/")]
    mode: Annotated[str, Field(pattern=r"^0[0-7]{3}$")]


class Control(_Strict):
    """One control: what, why, where from, and exactly one thing that is checked.

    Attributes:
        id: by which a site leaves it out.
        title: what is demanded, in one sentence.
        reason: why.
        source: the recommendations it follows.
        sysctl: a kernel parameter.
        module: a kernel module that is never loaded.
        sshd: a setting of the SSH server.
        file: the mode of a file.
        masked: a unit that systemd never starts.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: str
    reason: str
    source: str
    sysctl: Setting | None = None
    module: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")] | None = None
    sshd: Setting | None = None
    file: FileMode | None = None
    masked: Annotated[str, Field(pattern=r"^[a-z0-9@-]+\.(service|socket|target|timer)$")] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [part for part in (self.sysctl, self.module, self.sshd, self.file, self.masked) if part]
        if len(given) != 1:
            raise ValueError(f"{self.id}: exactly one of sysctl, module, sshd, file, masked")
        return self


class Table(_Strict):
    """All controls."""

    version: int
    controls: tuple[Control, ...]

    @model_validator(mode="after")
    def _every_id_once(self) -> Self:
        names = [control.id for control in self.controls]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"twice in the table: {', '.join(sorted(twice))}")
        return self


class State(StrEnum):
    """How a control stands on this host."""

    HOLDS = "holds"
    FAILS = "fails"
    EXCEPTED = "excepted"
    ABSENT = "absent"  # this host has not what the control is about


@dataclass(frozen=True)
class Result:
    """A control, how it stands, what was found, and why the site left it out, if it did."""

    control: Control
    state: State
    found: str
    justification: str = ""

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        own = {"id": self.control.id, "title": self.control.title, "source": self.control.source}
        return own | {"state": self.state.value, "found": self.found, "justification": self.justification}


def read_table(path: Path) -> Table:
    """Read the table.

    Raises:
        ApplianceError: it is not in its form.
    """
    try:
        return Table.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ApplianceError(f"{path}: {error}", rule="each control has an id, texts and exactly one check") from error


def installed_table(paths: HostPaths) -> Path:
    """The table that was applied to this host."""
    return paths.root / "etc" / "hardening.yml"


def check_exceptions(table: Table, exceptions: Mapping[str, str]) -> None:
    """Refuse an exception for a control that the table does not have, or one without a reason.

    Raises:
        ApplianceError: naming it.
    """
    known = {control.id for control in table.controls}
    for name, justification in exceptions.items():
        if name not in known:
            raise ApplianceError(
                f"site.yml: hardening_exceptions: {name!r} is no control", remedy=f"one of {', '.join(sorted(known))}"
            )
        if len(justification.split()) < 3:
            raise ApplianceError(
                f"site.yml: hardening_exceptions: {name!r} has no reason that a reader could judge",
                rule="a control is left out only with a recorded justification",
            )


def apply(table: Table, exceptions: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Bring the host to what the table says, apart from the exceptions; True when something changed.

    Args:
        table: the controls.
        exceptions: identifiers of controls that are left out, and why.
        root: the host's file system.
    """
    check_exceptions(table, exceptions)
    wanted = [control for control in table.controls if control.id not in exceptions]
    sysctls = [c.sysctl for c in wanted if c.sysctl and _kernel_file(root, c.sysctl.name).exists()]
    lines = {
        SYSCTL_FILE: [f"{one.name} = {one.value}" for one in sysctls],
        MODULE_FILE: [f"install {control.module} /bin/false" for control in wanted if control.module],
        SSHD_FILE: [f"{control.sshd.name} {control.sshd.value}" for control in wanted if control.sshd],
    }
    changed = [_write(root / name, text) for name, text in lines.items()]
    changed += [_set_kernel(_kernel_file(root, one.name), one.value) for one in sysctls]
    changed += [_narrow(root / c.file.path.lstrip("/"), int(c.file.mode, 8)) for c in wanted if c.file]
    masked = [c.masked for c in wanted if c.masked and _mask(root / UNITS / c.masked)]
    if root == Path("/"):
        _tell_systemd(masked, server_changed=changed[2])
    return any(changed) or bool(masked)


def _tell_systemd(masked: list[str], *, server_changed: bool) -> None:
    """Stop what may not run any more, and let the SSH server read its settings; neither must be there."""
    # A unit that systemd already knows to be masked fails when it is stopped.
    commands = [["stop", *masked], ["daemon-reload"]] if masked else []
    commands += [["try-reload-or-restart", "ssh.service"]] if server_changed else []
    for command in commands:
        subprocess.run(["systemctl", *command], capture_output=True, check=False)


def verify(table: Table, exceptions: Mapping[str, str], root: Path = Path("/")) -> list[Result]:
    """How each control of the table stands on this host; nothing is changed."""
    server = _sshd_settings(root)
    results = []
    for control in table.controls:
        state, found = _look(control, root, server)
        if control.id in exceptions and state is not State.HOLDS:
            state = State.EXCEPTED
        results.append(Result(control, state, found, exceptions.get(control.id, "")))
    return results


def installed(paths: HostPaths, exceptions: Mapping[str, str]) -> list[Result]:
    """How the controls stand that an installation applied here; none on a host that systemd does not run."""
    table = installed_table(paths)
    return verify(read_table(table), exceptions) if table.exists() else []


def findings(results: Iterable[Result]) -> list[HostDifference]:
    """The controls that do not hold, as differences like any other."""
    return [
        HostDifference(
            f"control {result.control.id}",
            result.control.title,
            result.found,
            f"{result.control.reason} ({result.control.source})",
        )
        for result in results
        if result.state is State.FAILS
    ]


def _look(control: Control, root: Path, server: Mapping[str, str]) -> tuple[State, str]:
    if control.sysctl:
        return _compare(_read(_kernel_file(root, control.sysctl.name)), control.sysctl.value)
    if control.sshd:
        return _compare(server.get(control.sshd.name.lower()), control.sshd.value)
    if control.module:
        held = f"install {control.module} /bin/false" in (_read(root / MODULE_FILE) or "").splitlines()
        loaded = (root / "sys/module" / control.module.replace("-", "_")).exists()
        found = f"{'loaded' if loaded else 'not loaded'}, {'refused' if held else 'could be loaded'}"
        return (State.HOLDS if held and not loaded else State.FAILS), found
    if control.file:
        path = root / control.file.path.lstrip("/")
        if not path.exists():
            return State.ABSENT, "no such file"
        mode = path.stat().st_mode & 0o7777
        return (State.FAILS if mode & ~int(control.file.mode, 8) else State.HOLDS), f"{mode:04o}"
    masked = _is_masked(root / UNITS / str(control.masked))
    return (State.HOLDS, "masked") if masked else (State.FAILS, "can be started")


def _compare(found: str | None, value: str) -> tuple[State, str]:
    if found is None:
        return State.ABSENT, "this host has no such setting"
    return (State.HOLDS if found.strip() == value else State.FAILS), found.strip()


def _sshd_settings(root: Path) -> dict[str, str]:
    """What the SSH server would do, as it says itself; of a file system that does not run, what its file says."""
    if root != Path("/"):
        lines: Iterable[str] = (_read(root / SSHD_FILE) or "").splitlines()
    else:
        try:
            environment = os.environ | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            lines = subprocess.run(
                ["/usr/sbin/sshd", "-T"], capture_output=True, text=True, env=environment, check=False
            ).stdout.splitlines()
        except OSError:
            return {}
    pairs = (line.partition(" ") for line in lines if not line.startswith("#"))
    return {name.lower(): value for name, _, value in pairs}


def _kernel_file(root: Path, name: str) -> Path:
    return root / "proc/sys" / name.replace(".", "/")


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _write(path: Path, lines: list[str]) -> bool:
    text = HEADER + "".join(f"{line}\n" for line in lines)
    if _read(path) == text or not path.parent.is_dir():
        return False
    replace_file(path, text.encode(), mode=0o644)
    return True


def _set_kernel(file: Path, value: str) -> bool:
    if (_read(file) or "").strip() == value:
        return False
    file.write_text(f"{value}\n")
    return True


def _narrow(path: Path, mode: int) -> bool:
    """Take away what ``mode`` does not grant; more narrow modes stay."""
    if not path.exists():
        return False
    now = path.stat().st_mode & 0o7777
    if now & ~mode:
        path.chmod(now & mode)
    return bool(now & ~mode)


def _is_masked(unit: Path) -> bool:
    return unit.is_symlink() and unit.readlink() == Path("/dev/null")


def _mask(unit: Path) -> bool:
    if _is_masked(unit) or not unit.parent.is_dir():
        return False
    unit.unlink(missing_ok=True)
    unit.symlink_to("/dev/null")
    return True
