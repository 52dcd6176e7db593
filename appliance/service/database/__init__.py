"""What a service keeps in the enclave's PostgreSQL: its schema, its connections and who may read what."""

from appliance.service.database.connections import Database, Row, Transaction
from appliance.service.database.current import CurrentDatabase, database_of

__all__ = ["CurrentDatabase", "Database", "Row", "Transaction", "database_of"]
