"""A device that is taken from an enclave or given to one leaves an event in the log."""

import json
from pathlib import Path
from typing import Any

import yaml

from appliance.audit.events import spool
from appliance.enclave.paths import HostPaths
from appliance.enclave.site import Site, parse_site
from appliance.host.change.devices import record_owners

NODE = "/dev/nvidia0"


def site(owner: int | None) -> Site:
    data: dict[str, Any] = yaml.safe_load(Path("site.example.yml").read_text())
    if owner is not None:
        data["enclaves"][owner]["engine"] = {"variant": "llama.cpp-cuda", "devices": [NODE]}
    return parse_site(data)


def recorded(folder: Path, before: Site | None, after: Site) -> list[str]:
    record_owners(HostPaths(folder, folder / "run"), before, after)
    file = folder / "spool" / spool.FILE
    return [line for line in file.read_text().splitlines() if NODE in line] if file.exists() else []


def test_each_change_of_an_owner_is_recorded_and_nothing_else(tmp_path: Path) -> None:
    steps = [(None, site(1)), (site(1), site(1)), (site(1), site(None)), (site(None), site(0))]
    lines: list[str] = []
    for before, after in steps:
        lines = recorded(tmp_path, before, after)
    assert ["given to secret" in lines[0], "taken from secret" in lines[1], "given to unclassified" in lines[2]] == [
        True
    ] * 3
    assert len(lines) == 3
    assert all("site.devices" in json.dumps(json.loads(line)) for line in lines)
