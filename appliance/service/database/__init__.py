"""What a service keeps in the enclave's PostgreSQL: its schema, its connections and who may read what."""

from appliance.service.database.connections import Database, Row, Transaction

__all__ = ["Database", "Row", "Transaction"]
