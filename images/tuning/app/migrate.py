"""``python3 -m app.migrate``: bring the database of tuning to this version, before the service starts."""

from pathlib import Path

from appliance.service.database.migrate import Migrations, main

MIGRATIONS = Migrations("tuning", Path(__file__).parent / "migrations")

if __name__ == "__main__":
    main(MIGRATIONS)
