"""The monitor's own log is for root alone, and a large one makes room."""

import os
from pathlib import Path

from appliance.host.state import monitor_process


def test_it_is_readable_by_root_alone_whatever_it_was_before(tmp_path: Path) -> None:
    file = tmp_path / "monitor.log"
    file.write_text("before\n")
    file.chmod(0o644)
    os.umask(0o022)
    with monitor_process.own_log(file) as log:
        log.write(b"now\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == "before\nnow\n"


def test_a_large_one_becomes_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "monitor.log"
    file.touch(0o644)
    with file.open("wb") as log:
        log.truncate(monitor_process.LOG_BYTES + 1)
    with monitor_process.own_log(file):
        pass
    assert file.stat().st_size == 0
    assert (tmp_path / "monitor.log.1").stat().st_size > monitor_process.LOG_BYTES
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
