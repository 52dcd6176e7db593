"""Layers that were built before, found again by the digest of everything that goes into them."""

import fcntl
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import rfc8785

from appliance.bundle.build.layer import Layer, pack

_KEEP_SECONDS = 14 * 86400


@dataclass(frozen=True)
class CachedLayer:
    """A layer with the file system change it was packed from, which children of the image build upon."""

    key: str
    tree: Path
    blob: Path
    layer: Layer
    built: bool


def key_of(**inputs: object) -> str:
    """The digest of ``inputs`` (JSON values), which names what is made of them."""
    return hashlib.sha256(rfc8785.dumps(inputs)).hexdigest()  # type: ignore[arg-type]


class LayerCache:
    """Layers below ``folder``, each in a folder named by its key: `tree/`, `blob` and `layer.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str, build: Callable[[Path], None], epoch: int) -> CachedLayer:
        """The layer of ``key``; ``build`` fills its tree when it is not there.

        Args:
            key: digest of all inputs.
            build: called with an empty folder to fill with the layer's files.
            epoch: latest modification time in the layer, in seconds.
        """
        home = self.folder / key
        built = not (home / "layer.json").exists()
        if built:
            arriving = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
            try:
                tree = arriving / "tree"
                tree.mkdir(mode=0o755)
                build(tree)
                layer = pack(tree, arriving / "blob", epoch)
                (arriving / "layer.json").write_text(json.dumps(asdict(layer)))
                arriving.rename(home)
            finally:
                shutil.rmtree(arriving, ignore_errors=True)
        record = home / "layer.json"
        record.touch()
        return CachedLayer(key, home / "tree", home / "blob", Layer(**json.loads(record.read_text())), built)

    def prune(self) -> None:
        """Delete layers that no build of the last two weeks used, and what a killed build left."""
        for home in self.folder.iterdir():
            record = home / "layer.json"
            if not record.exists() or record.stat().st_mtime < time.time() - _KEEP_SECONDS:
                shutil.rmtree(home)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the cache below ``folder`` for this process alone; another build's step is waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
