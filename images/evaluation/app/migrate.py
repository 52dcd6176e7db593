"""``python3 -m app.migrate``: bring the database of evaluation to this version."""

from pathlib import Path

from appliance.service.database.migrate import Migrations, main

MIGRATIONS = Migrations("evaluation", Path(__file__).parent / "migrations")
"""Packs and suites of the site, and red teams; the queue is the appliance's."""

if __name__ == "__main__":
    main(MIGRATIONS)
