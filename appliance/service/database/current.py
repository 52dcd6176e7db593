"""The database as routes ask for it by type."""

from typing import Annotated

from fastapi import Depends, Request

from appliance.service.database.connections import Database


def database_of(request: Request) -> Database:
    """The enclave's database."""
    database: Database = request.app.state.database
    return database


CurrentDatabase = Annotated[Database, Depends(database_of)]
