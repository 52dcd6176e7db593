"""``python3 -m app.migrate``: bring the database of evaluation, which holds its queue of jobs, to this version."""

from pathlib import Path

from appliance.service.database.migrate import Migrations, main

MIGRATIONS = Migrations("evaluation", Path(__file__).parent / "migrations")
"""None of its own yet: the queue is the appliance's."""

if __name__ == "__main__":
    main(MIGRATIONS)
