"""Who may run a command, and in which network it looks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.main import app
from appliance.cli.shared import needs
from appliance.enclave.paths import HostPaths
from appliance.errors import ApplianceError
from appliance.host.watching import network_namespace
from tests.unit.cli.commands import COMMANDS

ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace is made by root")
NOBODY = 65534


def test_the_tables_name_commands_that_there_are() -> None:
    assert set(needs.ROOT) <= set(COMMANDS)
    assert set(needs.ROOT) >= needs.NETWORK


@pytest.mark.parametrize("name", sorted(needs.NETWORK))
def test_who_looks_at_the_network_says_of_which_site(name: str) -> None:
    assert {"root", "run"} <= {parameter.name for parameter in COMMANDS[name].params}


@pytest.mark.parametrize("name", needs.ROOT)
def test_what_root_alone_may_do_is_refused_to_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    error = CliRunner().invoke(app, name.split()).exception
    assert isinstance(error, ApplianceError)
    assert error.message == f"`appliance {name}` needs root"
    assert error.rule == needs.ROOT[name]
    assert error.remedy == f"sudo appliance {name} ..."


@pytest.mark.parametrize("name", needs.ROOT)
def test_its_help_is_for_everybody(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert CliRunner().invoke(app, [*name.split(), "--help"]).exit_code == 0


@ROOT_ALONE
def test_a_file_of_root_s_is_no_wrong_usage_for_others(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    (folder / "checkpoint").write_text("x")
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        parent.chmod(0o755)
    other = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    if subprocess.run([*other, "test", "-x", sys.executable], check=False).returncode:
        pytest.skip(f"other users may not reach {sys.executable}")
    command = [*other, sys.executable, "-m", "appliance.cli.main"]
    result = subprocess.run(
        [*command, "audit", "show", "--log", str(folder)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "this user may not read or write it" in result.stderr
    assert "sudo" in result.stderr


@pytest.fixture(params=[("monitor", "monitor.pid"), ("reconcile", "watcher.pid")], ids=["monitor", "watcher"])
def elsewhere(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HostPaths]:
    """A site whose monitor or watcher, as far as anybody can see, runs in a network namespace of its own."""
    word, file = request.param
    paths = HostPaths(tmp_path / "root", tmp_path / "run")
    paths.root.mkdir()
    paths.run.mkdir()
    (paths.root / "current").symlink_to("generations/1")
    wait = "import sys, time; print('ready', flush=True); time.sleep(60)"
    command = ["unshare", "--net", sys.executable, "-c", wait, word, str(paths.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    (paths.run / file).write_text(str(process.pid))
    yield paths
    process.kill()
    process.wait()
    process.stdout.close()


def inside(paths: HostPaths, code: str) -> list[str]:
    """What a process of its own prints that runs ``code`` with ``paths``: it cannot return from a namespace."""
    begin = "from pathlib import Path; from appliance.enclave.paths import HostPaths; import os; "
    begin += f"paths = HostPaths(Path({str(paths.root)!r}), Path({str(paths.run)!r})); "
    result = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=True)
    return result.stdout.split()


@ROOT_ALONE
def test_a_command_looks_where_the_site_is(elsewhere: HostPaths) -> None:
    code = "from appliance.cli.shared.needs import enter_network as e; before = os.readlink('/proc/self/ns/net'); "
    code += "e('host status', {'root': paths.root, 'run': paths.run}); print(before, os.readlink('/proc/self/ns/net'))"
    before, after = inside(elsewhere, code)
    site = network_namespace.of_site(elsewhere)
    assert site is not None
    assert before == str(network_namespace.OWN.readlink())
    assert after == str(site.readlink()) != before


@ROOT_ALONE
def test_what_it_starts_is_there_too_and_once_is_enough(elsewhere: HostPaths) -> None:
    code = "from appliance.host.watching.network_namespace import enter; import subprocess; "
    code += "print(enter(paths), enter(paths), flush=True); subprocess.run(['ip', '-o', 'link'], check=True)"
    said = inside(elsewhere, code)
    assert said[:2] == ["True", "False"]
    assert [word for word in said if word.endswith(":")] == ["1:", "lo:"]


@ROOT_ALONE
def test_a_namespace_that_cannot_be_entered_is_refused_with_the_command(
    elsewhere: HostPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_namespace, "CLONE_NEWNET", 0x20000000)  # of another kind
    with pytest.raises(ApplianceError, match="cannot be entered") as refused:
        network_namespace.enter(elsewhere)
    assert refused.value.remedy.startswith("as root: nsenter --net=/proc/")


@ROOT_ALONE
@pytest.mark.parametrize("elsewhere", [("monitor", "monitor.pid")], indirect=True, ids=["monitor"])
def test_a_monitor_that_systemd_runs_has_a_network_of_its_own(
    elsewhere: HostPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert network_namespace.of_site(elsewhere) is not None
    monkeypatch.setattr(network_namespace, "has_unit", lambda paths: True)
    assert network_namespace.of_site(elsewhere) is None


def test_a_container_tells_too_where_the_site_is(tmp_path: Path) -> None:
    program = tmp_path / "conmon"
    shutil.copy(shutil.which("sleep") or "", program)
    folder = tmp_path / "run/containers/overlay-containers/0a/userdata"
    folder.mkdir(parents=True)
    with subprocess.Popen([program, "60"]) as process:
        (folder / "conmon.pid").write_text(str(process.pid))
        found = network_namespace.of_site(HostPaths(tmp_path, tmp_path / "run"))
        process.kill()
    assert found == Path(f"/proc/{process.pid}/ns/net")


def test_where_nothing_runs_the_network_is_the_caller_s(tmp_path: Path) -> None:
    assert network_namespace.of_site(HostPaths(tmp_path, tmp_path)) is None
    assert not network_namespace.enter(HostPaths(tmp_path, tmp_path))


@pytest.mark.parametrize(("run", "refused"), [("run", False), ("other", True)])
def test_the_sockets_of_another_installation_are_no_answer(tmp_path: Path, run: str, refused: bool) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/storage.conf").write_text(f'[storage]\nrunroot = "{tmp_path}/run/containers"\n')
    if refused:
        with pytest.raises(ApplianceError, match="is not the folder of sockets of what is installed") as error:
            needs.require_own_run(tmp_path, tmp_path / run)
        assert error.value.remedy == f"give --run {tmp_path}/run, or correct --root"
    else:
        needs.require_own_run(tmp_path, tmp_path / run)
