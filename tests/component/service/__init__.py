"""The chassis with PostgreSQL and a browser."""
