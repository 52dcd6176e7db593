"""A PostgreSQL cluster of its own, with the tables and functions of the labels."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")


def _as_postgres(*command: str | Path) -> None:
    subprocess.run(
        ["runuser", "-u", "postgres", "--", *command], check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir()
    )


@contextmanager
def labelled_database() -> Iterator[psycopg.Connection]:
    """A connection as the owner of a new cluster in which ``readable.sql`` is installed; the cluster ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="appliance-markings-"))
    shutil.chown(folder, "postgres")
    try:
        _as_postgres(BINARIES / "initdb", "-D", folder / "data", "-A", "trust", "--locale=C.UTF-8", "--no-sync")
        options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={folder}"
        _as_postgres(BINARIES / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
                connection.execute(resources.files("appliance.markings").joinpath("readable.sql").read_bytes())
                yield connection
        finally:
            _as_postgres(BINARIES / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
