"""What an enclave's PostgreSQL is told of the services that it serves.

Pure: everything is returned as text, nothing is written.
"""

from collections.abc import Iterable

from appliance.contract.manifest import Manifest

IDENTITIES = "pg_ident.conf"
SERVICES = "services"
FOLDER = "/etc/appliance"
"""Where the container reads both files."""

FILES = {IDENTITIES: "pg_ident.conf", SERVICES: "database-services"}
"""Name of each file in the container, and in the enclave's folder of a generation."""


def user(uid: int) -> str:
    """Name of the service's user ``uid`` in the database image, which knows no service by its own."""
    return f"service{uid}"


def database_files(services: Iterable[Manifest]) -> dict[str, str]:
    """The files of the container ``database``, by their names in the container; none where it has nothing to serve.

    ``pg_ident.conf`` names the role that each user of the image may take (PostgreSQL 15, 21.2, User Name Maps);
    ``services`` has a line for each database, with the connections that its role may hold.
    """
    served = [(service, service.database) for service in services if service.database]
    if not served:
        return {}
    identities = {"postgres": "postgres", "migrate": "migrate"} | {
        user(service.uid): service.name for service, _ in served
    }
    return {
        IDENTITIES: "".join(f"appliance {name} {role}\n" for name, role in identities.items()),
        SERVICES: "".join(f"{service.name} {database.connections}\n" for service, database in served),
    }
