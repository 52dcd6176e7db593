"""Bring a service's database to this version, as the role ``migrate``, before the service starts.

The database first gets the appliance's own migrations (schema ``appliance``), then the service's (the schema of its
name, and nothing else). Migrations only add, so that the service before this version runs on the schema after it. Each
runs once, in one transaction with its record.
"""

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import structlog

from appliance.errors import ApplianceError
from appliance.service.database.confined import unconfined
from appliance.service.log import configure
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.app import read_key

Connection = psycopg.Connection[Any]

OWN = "appliance"
"""Schema of what all services share, and owner of its migrations in the record."""

MIGRATIONS = Path(__file__).parent / "migrations"
OVERLAP = timedelta(minutes=2)
"""Longer than a context holds, so that none that was sealed before is refused."""
LOCK = 0x6D69677261746573  # any number that nobody else locks


@dataclass(frozen=True)
class Migrations:
    """The migrations of a service.

    Attributes:
        service: its name, which is also that of its database, its role and its schema.
        folder: where its SQL files are; they run in the order of their names.
        adopted: SHA-256 of the files that version 0.1.0 applied, by their names, recorded without an owner. One that is
            in ``folder`` too counts as applied; what the others did is done by the appliance's own.
    """

    service: str
    folder: Path
    adopted: Mapping[str, str] = field(default_factory=dict)


def migrate(
    connection: Connection, admission_key: bytes, migrations: Migrations, previous: bytes | None = None
) -> list[str]:
    """Apply what is missing and store the admission key; return the names of the migrations that ran.

    Args:
        connection: as the role ``migrate``, to the database of the service.
        admission_key: the 32 bytes by which the database knows contexts for the service.
        migrations: the service's own.
        previous: the key before, while it is replaced; contexts under it count for two more minutes.

    Raises:
        ApplianceError: a migration that was applied has been changed or renamed, or one of the service's reaches
            outside its schema or leaves a table unconfined. The database is as it was.
    """
    service = migrations.service
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(resources.files("appliance.markings").joinpath("readable.sql").read_bytes())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS appliance.migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
        _adopt(connection, migrations)
        applied = _apply(connection, OWN, MIGRATIONS)
        outside = _outside(connection, service)
        added = _apply(connection, service, migrations.folder)
        if _outside(connection, service, without=added) != outside:
            raise ApplianceError(
                f"{', '.join(added)}: changes something outside the schema {service}",
                rule="a service's migrations touch only the schema of its name (docs/services.md, Database)",
            )
        if left := unconfined(connection, service):
            raise ApplianceError(
                left[0],
                rule="every table of a service is confined by row-level security (docs/services.md, Database)",
                remedy=f"call appliance.confine('{service}.<table>') in its migration",
            )
        connection.execute(
            "INSERT INTO appliance.admission_key (key, previous, until) VALUES (%s, %s, now() + %s)"
            " ON CONFLICT (one) DO UPDATE SET key = excluded.key, previous = excluded.previous, until = excluded.until",
            [admission_key, previous, OVERLAP],
        )
        # The key of version 0.1.0, which services had: with it, contexts of that form end. A return inserts it again.
        connection.execute("DELETE FROM appliance.context_key")
    return applied + added


def _adopt(connection: Connection, migrations: Migrations) -> None:
    """Count what version 0.1.0 applied as applied. Its records stay: it may be the version that is returned to."""
    recorded = _recorded(connection)
    files = _files(migrations.service, migrations.folder)
    for name in (name for name in recorded if "/" not in name):
        if migrations.adopted.get(name) != recorded[name]:
            raise _refusal(f"{name}: differs from the migration of that name in the database")
        own = f"{migrations.service}/{name}"
        if own in files and own not in recorded:
            _record(connection, own, files[own])


def _apply(connection: Connection, owner: str, folder: Path) -> list[str]:
    """Run and record the migrations of ``owner`` that have not run."""
    recorded, files = _recorded(connection), _files(owner, folder)
    pending = {name: script for name, script in files.items() if name not in recorded}
    by_digest = {_digest(script): name for name, script in pending.items()}
    for name, digest in recorded.items():
        if name in files and _digest(files[name]) != digest:
            raise _refusal(f"{name}: differs from the migration of that name in the database")
        if name.startswith(f"{owner}/") and name not in files and digest in by_digest:
            raise _refusal(f"{by_digest[digest]}: is in the database as {name}")
    for name, script in pending.items():
        connection.execute(script)
        _record(connection, name, script)
    return list(pending)


def _recorded(connection: Connection) -> dict[str, str]:
    """SHA-256 of each migration that was applied, by ``<owner>/<file>``; version 0.1.0 recorded the file alone."""
    return dict(connection.execute("SELECT name, sha256 FROM appliance.migrations").fetchall())


def _record(connection: Connection, name: str, script: bytes) -> None:
    connection.execute("INSERT INTO appliance.migrations (name, sha256) VALUES (%s, %s)", [name, _digest(script)])


def _files(owner: str, folder: Path) -> dict[str, bytes]:
    return {f"{owner}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.sql"))}


def _outside(connection: Connection, schema: str, without: Sequence[str] = ()) -> str:
    """Digest of all that is outside ``schema``, the records of the migrations ``without`` left out."""
    query = resources.files("appliance.service.database").joinpath("outside.sql").read_bytes()
    row = connection.execute(query, {"schema": schema, "without": list(without)}).fetchone()
    return str(row[0]) if row else ""


def _digest(script: bytes) -> str:
    return hashlib.sha256(script).hexdigest()


def _refusal(message: str) -> ApplianceError:
    return ApplianceError(
        message,
        rule="a migration that was applied is never changed or renamed",
        remedy="install a version of the appliance that contains the applied migration",
    )


def connect(conninfo: str, patience: float = 60) -> Connection:
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


def main(migrations: Migrations) -> None:
    """Migrate the enclave's database of a service, or end with one line that says why not."""
    paths = Paths.from_environment()
    try:
        configure(ServiceSettings.load(paths.settings))
        key, before = read_key(paths.secrets / "admission.key"), paths.secrets / "admission.previous"
        previous = read_key(before) if before.exists() else None
        with connect(f"host={paths.database} dbname={migrations.service} user=migrate") as connection:
            applied = migrate(connection, key, migrations, previous)
    except (ApplianceError, psycopg.Error) as error:
        sys.exit(f"refused: {error}")
    structlog.get_logger().info("migrated", applied=applied)
