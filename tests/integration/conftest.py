"""One real site for all integration tests: built, signed, carried and installed as a sysadmin would, then removed."""

import os
from collections.abc import Iterator

import pytest

from appliance.host.enforce.platform import is_root
from demo.instance import TEST, Instance
from demo.stages import bring_up, leftovers, tear_down
from demo.users import user
from tests.integration.attacks import NAME


@pytest.fixture(scope="session")
def site() -> Iterator[Instance]:
    """The running site of the test instance, in a namespace without a route out."""
    if not is_root():
        pytest.fail("integration tests make namespaces and containers: run them as root (sudo make test)")
    if os.environ.get("APPLIANCE_REUSE_SITE"):  # for work on a test: a site that is already up, and stays
        yield TEST
        return
    report = bring_up(TEST)
    report.write(TEST.build / "demo.json")
    failed = [f"{stage.name}: {stage.error}" for stage in report.stages if not stage.passed]
    if failed:
        tear_down(TEST)
        pytest.fail(f"the site did not come up: {failed}")
    yield TEST
    tear_down(TEST)
    assert leftovers(TEST) == []


@pytest.fixture(scope="module")
def target(site: Instance) -> Iterator[str]:
    """Path of a project at SECRET, whose owner works there meanwhile."""
    with user(site, "analyst", "secret", session=True) as owner:
        made = owner.post("/labeling/api/projects", json={"name": NAME})
        assert made.status_code == 201, made.text
        path = f"/labeling/api/projects/{made.json()['id']}"
        assert NAME in owner.get(path).text
        yield path
