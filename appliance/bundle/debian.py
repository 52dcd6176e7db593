"""A folder of Debian packages as a repository that apt reads: `deb [trusted=yes] copy:<folder> ./`."""

from pathlib import Path

from appliance.bundle.collect import sha256_of
from appliance.bundle.process import run


def write_flat_repository(folder: Path) -> None:
    """Write the index `Packages` of all `*.deb` in ``folder``."""
    entries = []
    for deb in sorted(folder.glob("*.deb")):
        control = run(["dpkg-deb", "--field", deb], purpose=f"reading {deb.name}").strip()
        entries.append(f"{control}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256_of(deb)}\n")
    (folder / "Packages").write_text("\n".join(entries))
