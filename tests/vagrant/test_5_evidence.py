"""Evidence of one host is proven on another that has never seen it, and so is an anchor of its log."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.vagrant import users
from tests.vagrant.install import mount, type_bootstrap
from tests.vagrant.machine import Machine, lent
from tests.vagrant.media import SITE

pytestmark = pytest.mark.timeout(5400)
KEY = "/var/lib/appliance/log/log.vkey"


@pytest.fixture(scope="module")
def other(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """`enclave2`: the appliance's command from the same disc, and no site."""
    with lent("enclave2", keep=request.config.getoption("--keep")) as machine:
        mount(machine, "bundle", "disc-01")
        type_bootstrap(machine)
        yield machine


def test_evidence_verifies_elsewhere(site: Machine, other: Machine) -> None:
    users.be_denied()
    site.run(f"rm -f /root/case.zip; appliance audit export /root/case.zip --key {KEY} --decision denied")
    case, policy = SITE.build / "case.zip", SITE.build / "policy"
    site.fetch("/root/case.zip", case)
    policy.write_text(f"log {site.run(f'cat {KEY}').strip()}\nquorum none\n")
    for file in (case, policy):
        other.send(file, f"/root/{file.name}")
    proven = json.loads(other.run("appliance audit verify /root/case.zip --policy /root/policy --json"))
    assert proven["records"] > 0
    assert proven["findings"] == []
    data = bytearray(case.read_bytes())
    data[len(data) // 2] ^= 1
    changed = case.with_name("changed.zip")
    changed.write_bytes(data)
    other.send(changed, "/root/changed.zip")
    answer = other.run("appliance audit verify /root/changed.zip --policy /root/policy; echo exit $?")
    assert answer.strip().endswith("exit 1"), answer


def test_an_anchor_kept_elsewhere_convicts_a_log_that_was_cut(site: Machine, other: Machine) -> None:
    site.run("rm -rf /root/older /root/anchor /root/back; cp -a /var/lib/appliance/log /root/older")
    users.be_denied()
    time.sleep(3)  # the log signs its next checkpoint within a second
    site.run(f"appliance audit anchor --key {KEY} --out /root/anchor; tar -C /root -cf /root/anchor.tar anchor")
    packed = SITE.build / "anchor.tar"
    site.fetch("/root/anchor.tar", packed)
    other.send(packed, "/root/anchor.tar")
    other.fetch("/root/anchor.tar", packed)
    site.send(packed, "/root/back.tar")
    site.run("mkdir /root/back; tar -C /root/back -xf /root/back.tar")
    site.run(f"appliance audit anchor check /root/back/anchor --key {KEY}")
    answer = site.run(
        f"appliance audit anchor check /root/back/anchor --key {KEY} --log /root/older 2>&1; echo exit $?"
    )
    assert answer.strip().endswith("exit 1"), answer
    assert "records were removed" in answer
