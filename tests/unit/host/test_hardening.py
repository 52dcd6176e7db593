"""The table of controls, applied to and read from the file system of a host."""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host.enforce import hardening
from appliance.host.enforce.hardening import State, read_table

ONE = "{id: a, title: t, reason: r, source: s, module: x}"
TABLE = read_table(Path(__file__).parents[3] / "policies" / "hardening.yml")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A file system that has every place the table speaks of, with the loosest values."""
    for folder in ("etc/sysctl.d", "etc/modprobe.d", "etc/ssh/sshd_config.d", "etc/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    for control in TABLE.controls:
        if control.sysctl:
            file = tmp_path / "proc/sys" / control.sysctl.name.replace(".", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("9\n")
        if control.file:
            place = tmp_path / control.file.path.lstrip("/")
            place.mkdir(exist_ok=True)
            place.chmod(0o777)
    return tmp_path


def states(host: Path, exceptions: dict[str, str] | None = None) -> dict[str, State]:
    return {result.control.id: result.state for result in hardening.verify(TABLE, exceptions or {}, host)}


def test_every_control_fails_before_and_holds_after(host: Path) -> None:
    assert not [name for name, state in states(host).items() if state is State.HOLDS]
    assert hardening.apply(TABLE, {}, host)
    assert {name: state for name, state in states(host).items() if state is not State.HOLDS} == {}


def boot(host: Path) -> None:
    """Set the kernel as systemd-sysctl does: all files by their names, whatever their folders; the last one wins."""
    places = [host / "usr/lib/sysctl.d", host / "etc/sysctl.d"]
    for file in sorted((file for place in places for file in place.iterdir()), key=lambda file: file.name):
        for line in file.read_text().splitlines():
            if name := line.partition("=")[0].strip() if not line.startswith("#") else "":
                (host / "proc/sys" / name.replace(".", "/")).write_text(line.partition("=")[2].strip() + "\n")


def test_a_restart_leaves_every_control_as_it_was(host: Path) -> None:
    (host / "usr/lib/sysctl.d").mkdir(parents=True)
    # Debian's procps has this one, with a weaker value than the table's.
    (host / "usr/lib/sysctl.d/99-protect-links.conf").write_text("fs.protected_fifos = 1\n")
    (host / "etc/sysctl.d/99-sysctl.conf").write_text("kernel.sysrq = 1\n")
    hardening.apply(TABLE, {}, host)
    boot(host)
    assert set(states(host).values()) == {State.HOLDS}


def test_second_time_changes_nothing(host: Path) -> None:
    hardening.apply(TABLE, {}, host)
    assert not hardening.apply(TABLE, {}, host)


@pytest.mark.parametrize("control", [control.id for control in TABLE.controls])
def test_each_control_can_be_left_out_with_a_reason(host: Path, control: str) -> None:
    exceptions = {control: "our scanner needs it until March"}
    hardening.apply(TABLE, exceptions, host)
    found = states(host, exceptions)
    assert found.pop(control) is State.EXCEPTED
    assert set(found.values()) == {State.HOLDS}


def test_value_changed_by_hand_is_found(host: Path) -> None:
    hardening.apply(TABLE, {}, host)
    (host / "proc/sys/kernel/kptr_restrict").write_text("0\n")
    assert states(host)["kernel-addresses"] is State.FAILS


def test_what_fails_is_told_as_a_finding_with_its_source(host: Path) -> None:
    hardening.apply(TABLE, {}, host)
    (host / "proc/sys/kernel/sysrq").write_text("1\n")
    [finding] = hardening.findings(hardening.verify(TABLE, {}, host))
    assert (finding.key, finding.found) == ("control no-magic-keys", "1")
    assert "ANSSI-BP-028 R9" in finding.reason


def test_loaded_module_is_found_although_it_is_refused(host: Path) -> None:
    hardening.apply(TABLE, {}, host)
    (host / "sys/module/firewire_core").mkdir(parents=True)
    assert states(host)["no-firewire"] is State.FAILS


def test_narrower_mode_stays(host: Path) -> None:
    (host / "root").chmod(0o500)
    hardening.apply(TABLE, {}, host)
    assert (host / "root").stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize(
    ("exceptions", "said"), [({"no-such": "because of a good reason"}, "no control"), ({"no-sctp": "yes"}, "no reason")]
)
def test_exception_needs_a_control_and_a_reason(host: Path, exceptions: dict[str, str], said: str) -> None:
    with pytest.raises(ApplianceError, match=said):
        hardening.apply(TABLE, exceptions, host)
    assert not (host / hardening.SYSCTL_FILE).exists()


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ncontrols: [{id: a, title: t, reason: r, source: s}]",
        "version: 1\ncontrols: [{id: a, title: t, reason: r, source: s, module: x, masked: y.service}]",
        "version: 1\ncontrols: [{id: a, title: t, reason: r, source: s, sysctl: {name: 'a b', value: '1'}}]",
        f"version: 1\ncontrols: [{ONE}, {ONE}]",
        "controls",
    ],
)
def test_table_not_in_its_form_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "hardening.yml"
    file.write_text(text)
    with pytest.raises(ApplianceError, match=r"hardening\.yml"):
        read_table(file)
