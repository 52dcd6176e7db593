"""A PostgreSQL cluster of its own for the tests, with the roles of the database image and the migrations applied."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from appliance.service.settings import Paths
from images.labeling.app.main import build
from images.labeling.app.migrate import connect, migrate
from tests.unit.service.support import KEY, Monitor, make_paths, settings_for

BINARIES = Path("/usr/lib/postgresql/15/bin")
IMAGE = Path(__file__).parents[3] / "images" / "database"


def as_postgres(*command: str | Path, stdin: Path | None = None) -> None:
    with (stdin or Path(os.devnull)).open("rb") as source:
        subprocess.run(
            ["runuser", "-u", "postgres", "--", *command], check=True, stdin=source, stdout=subprocess.DEVNULL
        )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Folder of the socket of a running PostgreSQL whose roles the tests' user may take."""
    with tempfile.TemporaryDirectory(prefix="appliance-postgresql-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        data = folder / "data"
        data.mkdir()
        subprocess.run(["chown", "postgres", data], check=True)
        as_postgres(BINARIES / "initdb", "-D", data, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        start = folder / "first-start.sql"
        start.write_bytes((IMAGE / "first-start.sql").read_bytes())
        as_postgres(BINARIES / "postgres", "--single", "-j", "-D", data, "postgres", stdin=start)
        (data / "pg_hba.conf").write_text("local all all peer map=test\n")
        roles = ("postgres", "migrate", "labeling")
        (data / "pg_ident.conf").write_text(
            "".join(f"test {user} {role}\n" for user in ("root", "postgres") for role in roles)
        )
        options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={data}"
        as_postgres(BINARIES / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
        data.chmod(0o700)
        try:
            with connect(f"host={data} dbname=labeling user=migrate") as connection:
                migrate(connection, KEY)
            yield data
        finally:
            as_postgres(BINARIES / "pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def paths(cluster: Path, tmp_path: Path) -> Paths:
    """The places of a labeling service whose database is empty."""
    with psycopg.connect(f"host={cluster} dbname=labeling user=postgres", autocommit=True) as connection:
        connection.execute("TRUNCATE labeling.preferences, labeling.tasks, labeling.projects")
    return replace(make_paths(tmp_path), database=cluster)


@pytest.fixture
def monitor(paths: Paths) -> Iterator[Monitor]:
    with Monitor(paths.record_socket) as monitor:
        yield monitor


@pytest.fixture
def client(paths: Paths, monitor: Monitor) -> Iterator[TestClient]:
    with TestClient(build(settings_for("labeling"), paths), raise_server_exceptions=False) as client:
        yield client
