"""Make an advisory feed from downloads of the Debian security tracker and of OSV."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from appliance.bundle.advisories.debian_tracker import read_tracker
from appliance.bundle.advisories.feed import Advisory, Feed, make_feed
from appliance.bundle.advisories.osv import read_osv
from appliance.errors import ApplianceError
from appliance.trust.files import read_limited

TRACKER_LIMIT = 512 << 20
OSV_LIMIT = 16 << 20


def import_feed(
    as_of: date, *, tracker: Path | None = None, osv: Path | None = None, packages: Collection[str] | None = None
) -> Feed:
    """Reduce downloads to a feed.

    Args:
        as_of: the day of the downloads.
        tracker: the Debian security tracker's JSON, or None.
        osv: folder with OSV's JSON files, at any depth, or None.
        packages: package URLs that matter (:func:`appliance.bundle.advisories.findings.packages_of`), or None for all.

    Raises:
        ApplianceError: nothing to import, a day in the future, or a file that is not in its format.
    """
    if as_of > datetime.now(UTC).date():
        raise ApplianceError(
            f"{as_of} is in the future",
            rule="a feed has the day of its downloads",
            remedy="give the day on which the data were downloaded",
        )
    sources: list[str] = []
    found: list[Advisory] = []
    if tracker is not None:
        data = read_limited(tracker, TRACKER_LIMIT)
        found += read_tracker(data, str(tracker), packages)
        sources.append(f"Debian security tracker, sha256:{hashlib.sha256(data).hexdigest()}")
    if osv is not None:
        whole, count = hashlib.sha256(), 0
        for file, data in _files(osv):
            found += read_osv(data, str(file), packages)
            whole.update(hashlib.sha256(data).digest())
            count += 1
        sources.append(f"OSV, {count} files, sha256:{whole.hexdigest()}")
    if not sources:
        raise ApplianceError("nothing to import", remedy="give --debian, --osv or both")
    return make_feed(f"{as_of}T00:00:00Z", sources, found)


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise ApplianceError(f"{folder}: holds no *.json", remedy="unpack OSV's all.zip of PyPI and npm there")
    for file in files:
        yield file, read_limited(file, OSV_LIMIT)
