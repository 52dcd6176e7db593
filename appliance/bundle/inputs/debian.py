"""A folder of Debian packages as a repository that apt reads: `deb [trusted=yes] copy:<folder> ./`."""

from pathlib import Path

from appliance.bundle.inputs.collect import Artifact
from appliance.bundle.inputs.process import run


def index_of(debs: list[Artifact], memory: Path) -> bytes:
    """The content of the file `Packages` for ``debs`` lying beside it.

    Args:
        debs: packages whose digests are proven.
        memory: folder that remembers each package's control fields by its digest.
    """
    memory.mkdir(parents=True, exist_ok=True)
    entries = []
    for deb in sorted(debs, key=lambda deb: deb.path.name):
        known = memory / deb.sha256
        if not known.exists():
            known.write_text(run(["dpkg-deb", "--field", deb.path], purpose=f"reading {deb.path.name}").strip())
        place = f"Filename: ./{deb.path.name}\nSize: {deb.path.stat().st_size}\nSHA256: {deb.sha256}\n"
        entries.append(f"{known.read_text()}\n{place}")
    return "\n".join(entries).encode()
