"""Bring the database to this version: ``python3 -m app.migrate`` as the role ``migrate``, before the service starts.

Migrations only add, so that the service before this version runs on the schema after it. Each runs once, in one
transaction with its record; one that was applied and differs now is refused.
"""

import hashlib
import sys
import time
from importlib import resources
from pathlib import Path

import psycopg
import structlog

from appliance.errors import ApplianceError
from appliance.service.app import read_key
from appliance.service.log import configure
from appliance.service.settings import Paths, ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6C6162656C  # any number that nobody else locks


def migrate(connection: psycopg.Connection, context_key: bytes) -> list[str]:
    """Apply what is missing and store the context key; return the names of the migrations that ran.

    Args:
        connection: as the role ``migrate``.
        context_key: the service's 32-byte HMAC key.

    Raises:
        ApplianceError: a migration that was applied has been changed.
    """
    applied: list[str] = []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(resources.files("appliance.markings").joinpath("readable.sql").read_bytes())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS appliance.migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
        known: dict[str, str] = dict(connection.execute("SELECT name, sha256 FROM appliance.migrations").fetchall())
        for path in sorted(MIGRATIONS.glob("*.sql")):
            script = path.read_bytes()
            digest = hashlib.sha256(script).hexdigest()
            if path.name not in known:
                connection.execute(script)
                connection.execute(
                    "INSERT INTO appliance.migrations (name, sha256) VALUES (%s, %s)", [path.name, digest]
                )
                applied.append(path.name)
            elif known[path.name] != digest:
                raise ApplianceError(
                    f"{path.name}: differs from the migration of that name in the database",
                    rule="a migration that was applied is never changed",
                    remedy="install a version of the appliance that contains the applied migration",
                )
        connection.execute(
            "INSERT INTO appliance.context_key (key) VALUES (%s) ON CONFLICT (one) DO UPDATE SET key = excluded.key",
            [context_key],
        )
    return applied


def connect(conninfo: str, patience: float = 60) -> psycopg.Connection:
    """Connect, waiting at most ``patience`` seconds for a database that is just starting.

    Raises:
        psycopg.OperationalError: it did not answer in that time.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def main() -> None:
    """Migrate the enclave's database."""
    paths = Paths.from_environment()
    configure(ServiceSettings.load(paths.settings))
    key = read_key(paths.secrets / "context.key")
    with connect(f"host={paths.database} dbname=labeling user=migrate") as connection:
        structlog.get_logger().info("migrated", applied=migrate(connection, key))


if __name__ == "__main__":
    try:
        main()
    except (ApplianceError, psycopg.Error) as error:
        sys.exit(f"refused: {error}")
