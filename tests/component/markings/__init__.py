"""Labels in PostgreSQL."""
