"""``python3 -m app.migrate``: bring the database of labeling to this version, before the service starts."""

from pathlib import Path

from appliance.service.database.migrate import Migrations, main

MIGRATIONS = Migrations(
    "labeling",
    Path(__file__).parent / "migrations",
    adopted={
        "0001_context.sql": "630616a06d0bf7e351b014c56b9d99350fc73e86880fa620d74f68663f563ede",
        "0002_labeling.sql": "17f12c3df5247a4253149ce8eb370f57d1d6a1729a7dc7350a1de884f435459d",
        "0003_need_to_know.sql": "a3ce1fc0db4647efd542a5f31aa8b64760e542024780128e980b6e589f19effa",
    },
)

if __name__ == "__main__":
    main(MIGRATIONS)
