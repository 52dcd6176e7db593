"""What tests of any service with a database share: migrations, contexts, and whether its tables are confined."""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.requests import Request

from appliance.contract.context import HEADER, verified
from appliance.service.database.confined import unconfined
from appliance.service.database.migrate import Migrations, migrate
from tests.component.service.database.cluster import Cluster, Connection
from tests.contexts import ADMISSION_KEY, PUBLIC_KEY, sealed_as_0_1_0
from tests.unit.service.support import headers_for

V0_1_0 = Path(__file__).parent / "v0_1_0"
OLD_KEY = b"o" * 32
"""The key that a service of version 0.1.0 had."""
LABELS = ("U;;*", "S;;GBR,USA", "TS;;USA")


def emptied(cluster: Cluster) -> Cluster:
    """The cluster, the database of labeling made anew."""
    with cluster.connect("postgres", "postgres") as connection:
        connection.execute("DROP DATABASE labeling WITH (FORCE)")
        connection.execute("CREATE DATABASE labeling OWNER migrate")
        connection.execute("REVOKE ALL ON DATABASE labeling FROM PUBLIC")
        connection.execute("GRANT CONNECT ON DATABASE labeling TO labeling")
    return cluster


def install_v0_1_0(connection: Connection, *, files: int = 3) -> None:
    """Make what version 0.1.0 made of the database of labeling, as ``migrate``; ``files`` of its migrations."""
    with connection.transaction():
        connection.execute(resources.files("appliance.markings").joinpath("readable.sql").read_bytes())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS appliance.migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
        for path in sorted(V0_1_0.glob("0*.sql"))[:files]:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            connection.execute(path.read_bytes())
            connection.execute("INSERT INTO appliance.migrations (name, sha256) VALUES (%s, %s)", [path.name, digest])
        connection.execute("INSERT INTO appliance.context_key (key) VALUES (%s)", [OLD_KEY])


def migrated(cluster: Cluster, migrations: Migrations) -> list[str]:
    """Migrate the database of a service; the migrations that ran."""
    with cluster.connect(migrations.service, "migrate") as connection:
        return migrate(connection, ADMISSION_KEY, migrations)


def token_for(service: str, method: str = "GET", /, **changes: Any) -> str:
    """What the monitor says about a request to ``service``."""
    return headers_for(method, f"/{service}/", **changes)[HEADER]


def old_token(method: str = "GET", /, **changes: Any) -> str:
    """What the monitor of version 0.1.0 said about a request to labeling."""
    context = verified(token_for("labeling", method, **changes), PUBLIC_KEY)
    return sealed_as_0_1_0(context, OLD_KEY)


def request_for(service: str, method: str = "GET", /, **changes: Any) -> Request:
    """A request with the monitor's context."""
    value = token_for(service, method, **changes).encode()
    return Request({"type": "http", "method": method, "headers": [(HEADER.lower().encode(), value)]})


def assert_confined(connection: Connection, schema: str) -> None:
    """Fail for every table of a service's ``schema`` without forced row-level security, and for what goes round it."""
    found = unconfined(connection, schema)
    assert not found, "\n".join(found)
