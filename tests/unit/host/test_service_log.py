"""Service logs are cut while their process writes, and nothing else is."""

import subprocess
import sys
from pathlib import Path

from appliance.enclave.paths import HostPaths
from appliance.host.watching.service_log import roll


def test_a_log_is_cut_while_its_process_writes_to_it(tmp_path: Path) -> None:
    paths = HostPaths(tmp_path, tmp_path)
    file = tmp_path / "monitor.log"
    program = "import sys; print('a' * 999, flush=True); sys.stdin.readline(); print('after', flush=True)"
    with file.open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=output)
        try:
            while file.stat().st_size < 1000:
                pass
            assert roll(paths, largest=999) == ["monitor.log"]
            assert file.stat().st_size == 0
        finally:
            writer.communicate(b"\n", timeout=30)
    assert file.read_text() == "after\n"
    assert (tmp_path / "monitor.log.1").read_text() == "a" * 999 + "\n"


def test_short_logs_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "watcher.log").write_bytes(b"x" * 1000)
    (tmp_path / "other.log").write_bytes(b"x" * 5000)
    assert roll(HostPaths(tmp_path, tmp_path), largest=1000) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.log", "watcher.log"]
