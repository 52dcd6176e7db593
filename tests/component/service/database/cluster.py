"""The PostgreSQL of an enclave, started by the image's own entrypoint from what the catalogue says, for any services.

The tests' own user may take every role; otherwise it is what runs in the container ``database``.
"""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from appliance.bundle.inputs.recipe import load_recipe
from appliance.contract.manifest import Manifest
from appliance.enclave.database import IDENTITIES, SERVICES, database_files

IMAGE = Path(__file__).parents[4] / "images" / "database"
NAMESPACE = ("unshare", "--pid", "--ipc", "--mount", "--fork", "--kill-child")
AS_POSTGRES = 'mount --bind "$1" /etc/passwd; exec setpriv --reuid=postgres --regid=postgres --init-groups -- sh "$2"'
Connection = psycopg.Connection[Any]


def manifest(name: str, uid: int = 1105, connections: int = 10) -> Manifest:
    """A service with a database."""
    return Manifest.model_validate(
        {
            "name": name,
            "purpose": "A service of the tests.",
            "uid": uid,
            "slot": uid - 1101,
            "database": {"connections": connections},
            "routes": [{"path": f"/{name}/**", "methods": ["GET"], "action": "read"}],
        }
    )


class Cluster:
    """One cluster in ``folder``.

    As in a container, the entrypoint is the first process of its namespace and knows the users of the image.

    Args:
        folder: an empty folder.
        services: what the catalogue gives a database.
    """

    def __init__(self, folder: Path, services: Sequence[Manifest]) -> None:
        self.folder, self.configuration = folder, folder / "etc"
        self.volume, self.work = folder / "volume", folder / "tmp"
        self.major, self.programs = 15, Path("/usr/lib/postgresql/15/bin")
        folder.chmod(0o755)
        for own in (self.volume, self.socket, self.work):
            own.mkdir()
            shutil.chown(own, "postgres", "postgres")
        shutil.copytree(IMAGE, self.configuration)
        users = load_recipe(IMAGE).other_users
        known = "".join(f"{user.name}:*:{user.uid}:{user.uid}::/nonexistent:/usr/sbin/nologin\n" for user in users)
        (folder / "passwd").write_text(Path("/etc/passwd").read_text() + known)
        self.serve(services)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Folder of its data: each major has one of its own in the volume."""
        return self.volume / "data" / str(self.major)

    @property
    def socket(self) -> Path:
        """Folder of its socket."""
        return self.folder / "run"

    def serve(self, services: Sequence[Manifest]) -> None:
        """What it serves from the next start."""
        files = database_files(services)
        (self.configuration / SERVICES).write_text(files[SERVICES])
        roles = [line.split()[-1] for line in files[IDENTITIES].splitlines()]
        tests = "".join(f"appliance {getpass.getuser()} {role}\n" for role in roles)
        (self.configuration / IDENTITIES).write_text(files[IDENTITIES] + tests)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the entrypoint and return at once; killing the process kills all that it started."""
        self._process = subprocess.Popen(
            [*NAMESPACE, "sh", "-euc", AS_POSTGRES, "sh", self.folder / "passwd", self.configuration / "entrypoint"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
        )
        return self._process

    def start(self, patience: float = 60) -> float:
        """Start it and wait until it answers, at most so many seconds; the seconds that it took."""
        began = time.monotonic()
        process = self.spawn()
        while True:
            try:
                psycopg.connect(self.conninfo("postgres", "postgres")).close()
            except psycopg.OperationalError:
                assert process.poll() is None, self.log()
                assert time.monotonic() < began + patience, self.log()
                time.sleep(0.01)
            else:
                return time.monotonic() - began

    def stop(self) -> None:
        """Stop it as podman does, with the image's stop signal to the first process."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a loss of power does: all processes at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while process.poll() is None:
            if first := children.read_text().split():
                os.kill(int(first[0]), number)
                break
            time.sleep(0.001)
        process.wait(30)

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()

    def conninfo(self, database: str, role: str) -> str:
        """How to connect."""
        return f"host={self.socket} dbname={database} user={role}"

    def connect(self, database: str, role: str) -> Connection:
        """A connection without open transaction."""
        return psycopg.connect(self.conninfo(database, role), autocommit=True)

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "POSTGRESQL_MAJOR": str(self.major),
            "PGBIN": str(self.programs),
            "PGDATA": str(self.data),
            "PGHOST": str(self.socket),
            "TMPDIR": str(self.work),
            "APPLIANCE_CONFIGURATION": str(self.configuration),
        }


@contextmanager
def stopped_cluster(*services: Manifest) -> Iterator[Cluster]:
    """A cluster that will serve ``services`` when it is started; it ends with it."""
    with tempfile.TemporaryDirectory(prefix="appliance-postgresql-") as name:
        cluster = Cluster(Path(name), services)
        try:
            yield cluster
        finally:
            cluster.kill()


@contextmanager
def cluster_of(*services: Manifest) -> Iterator[Cluster]:
    """A running cluster that serves ``services``."""
    with stopped_cluster(*services) as cluster:
        cluster.start()
        yield cluster
