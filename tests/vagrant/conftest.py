"""Machines for the scenarios, and a summary with times that a person can read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vagrant import ready
from tests.vagrant.capture import Capture
from tests.vagrant.install import install
from tests.vagrant.machine import Machine
from tests.vagrant.media import SITE

SUMMARY = SITE.build / "summary.json"
NOTICED_SECONDS = 5  # making and removing machines is said too when it takes longer
_TIMES: list[dict[str, Any]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep", action="store_true", help="use machines that run, and leave them running")


def pytest_runtestloop(session: pytest.Session) -> None:
    """End at once, with one message, where no machine can be made: every scenario would fail for the same reason."""
    if not session.config.option.collectonly and (problem := ready.problem()):
        pytest.exit(f"no scenario was run: {problem}", returncode=1)


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """`enclave1`, bare; destroyed before and after unless it is to be kept."""
    enclave = Machine("enclave1")
    keep = request.config.getoption("--keep")
    if not keep:
        enclave.destroy()
    enclave.up()
    yield enclave
    if not keep:
        enclave.destroy()


@pytest.fixture(scope="session")
def capture(machine: Machine) -> Iterator[Capture]:
    """Everything that `enclave1` sends, from before its installation on."""
    with Capture(machine) as packets:
        yield packets


@pytest.fixture(scope="session")
def site(machine: Machine) -> Machine:
    """`enclave1` with a working site."""
    if not machine.run("test -e /var/lib/appliance/current && echo yes", check=False).startswith("yes"):
        install(machine)
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call" or report.failed or report.duration > NOTICED_SECONDS:
        name = item.name.removeprefix("test_").replace("_", " ")
        before = {"setup": "before: ", "teardown": "after: "}.get(report.when, "")
        _TIMES.append({"scenario": before + name, "seconds": report.duration, "result": report.outcome})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _TIMES:
        return
    terminalreporter.section("scenarios")
    for row in _TIMES:
        minutes, seconds = divmod(round(row["seconds"]), 60)
        terminalreporter.write_line(f"{minutes:4d} min {seconds:02d} s  {row['result']:<8} {row['scenario']}")
    total = sum(row["seconds"] for row in _TIMES)
    terminalreporter.write_line(f"{total / 60:4.0f} min in all; {SUMMARY}")
    SUMMARY.write_text(json.dumps(_TIMES, indent=1))
