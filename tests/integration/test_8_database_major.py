"""A site goes to another major of PostgreSQL and comes back: 15 plays both, since Debian 12 has no other."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.bundle.build.make import checkout
from appliance.enclave.paths import HostPaths
from appliance.host.change import clusters
from demo import editions
from demo.instance import Instance, appliance
from tests.integration import host
from tests.integration.data import make_task, recorded, status_of

MAJOR = "  POSTGRESQL_MAJOR: '15'"
LATER = "  POSTGRESQL_MAJOR: '16'\n  PGBIN: /usr/lib/postgresql/15/bin"


@pytest.fixture(scope="module")
def bundle(site: Instance) -> Iterator[Path]:
    """A bundle whose image of the database says another major; afterwards the site is as the other tests expect it."""
    source = site.build / "checkout-of-another-major"
    shutil.rmtree(source, ignore_errors=True)
    editions.copy_checkout(checkout(), source)
    recipe = source / "images" / "database" / "image.yml"
    text = recipe.read_text()
    assert MAJOR in text
    recipe.write_text(text.replace(MAJOR, LATER))
    yield editions.build_edition(site, "another-major", editions.UNCHANGED, checkout=source)
    shutil.rmtree(source)
    editions.build_first_again(site)
    host.run(site, "install", site.bundle, *host.prints(site))


def held(site: Instance, enclave: str = "unclassified") -> list[int]:
    return clusters.held(HostPaths(site.root, site.run), enclave)


@pytest.mark.long
def test_it_is_said_before_taken_over_kept_and_closed_by_two_officers(
    site: Instance, bundle: Path, tmp_path: Path
) -> None:
    before = make_task(site, "annotator", "unclassified", "before the other major")
    first = host.whole(site)
    told = host.run(site, "install", bundle, *host.prints(site), "--dry-run")
    assert any("PostgreSQL 15 to 16: databases are dumped" in one.get("found", "") for one in told["findings"])
    host.run(site, "install", bundle, *host.prints(site))
    assert host.whole(site) > first
    assert held(site) == [15, 16]
    assert status_of(site, before) == 200
    recorded(site, "database.upgrade", lambda detail: (detail["from"], detail["to"]) == (15, 16))
    assert "unclassified" in host.run(site, "status")["upgrades"]

    after = make_task(site, "annotator", "unclassified", "after the other major")
    host.run(site, "recover")
    assert status_of(site, after) == 200
    refused = host.attempt(site, "install", bundle, *host.prints(site))
    assert "is not closed" in refused.stderr, refused.stderr
    refused = host.attempt(site, "rollback")
    assert "what was written since is in a cluster of 16" in refused.stderr, refused.stderr
    host.run(site, "rollback", "--restore-data")
    assert (status_of(site, before), status_of(site, after)) == (200, 404)
    assert held(site) == [15]

    host.run(site, "install", bundle, *host.prints(site))
    order = {"site": "demonstration", "old": 15, "new": 16, "reason": "the tests are content with it"}
    file, closing = tmp_path / "closing.yml", tmp_path / "closing.dsse.json"
    file.write_text(json.dumps(order | {"expires": "2099-01-01T00:00:00Z"}))
    for number, key in enumerate(sorted((site.keys / "officers").glob("*.pem"))[:2]):
        words = (file, "--key", key, "--out", closing, "--passphrase-file", site.passphrase)
        appliance(site, "host", "sign-closing", *words)
        if number == 0:
            assert "2 people must sign" in host.attempt(site, "close-upgrade", closing).stderr
    assert "unclassified" in host.run(site, "close-upgrade", closing, "--dry-run")["enclaves"]
    assert held(site) == [15, 16]
    host.run(site, "close-upgrade", closing)
    assert held(site) == [16]
    assert status_of(site, before) == 200
    host.run(site, "rollback", "--restore-data")  # the cold copy is there until the next installation
    assert held(site) == [15]
    host.whole(site)
