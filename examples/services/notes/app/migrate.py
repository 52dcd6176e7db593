"""``python3 -m app.migrate``: bring the database of notes to this version, before the service starts."""

from pathlib import Path

from appliance.service.database.migrate import Migrations, main

if __name__ == "__main__":
    main(Migrations("notes", Path(__file__).parent / "migrations"))
