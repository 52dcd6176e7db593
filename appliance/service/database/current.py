"""The database as routes ask for it by type."""

from typing import Annotated

from fastapi import Depends, Request

from appliance.service.database.connections import Database


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


CurrentDatabase = Annotated[Database, Depends(_database)]
