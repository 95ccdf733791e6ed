"""Running the migrations, and comparing the models with a migrated database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

import migrations
from transfer_service.db import log_guards
from transfer_service.db.models import Model
from transfer_service.db.session import Database, with_driver

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCRIPTS = Path(migrations.__file__).parent


def upgrade(url: str, *, owner_url: str | None = None, application_role: str | None = None) -> list[str]:
    """Bring the database at `url` to the newest revision; names the guards of the log that had to be made again.

    On PostgreSQL the migrations run as the owner of the tables (`owner_url`), and the role that the application
    signs in with (by default the user of `url`) is granted its rights. On SQLite there is one owner, and a file that
    is made here can be read by nobody else.
    """
    database = Database(owner_url or url)
    if database.is_sqlite:
        path = database.engine.url.database
        if path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # SQLite gives the files beside it the same rights.
            Path(path).touch(mode=0o600)
    role = application_role or _user_of(url) if owner_url else None
    try:
        with database.engine.connect() as connection, connection.begin():
            command.upgrade(_config(connection), "head")
            missing = log_guards.list_missing_guards(connection)
            if missing:
                log_guards.install(connection)
            if role:
                log_guards.grant_application_role(connection, role)
        return missing
    finally:
        database.dispose()


def revision_gap(url: str) -> tuple[str | None, str | None]:
    """The revision that the database has and the newest one that the scripts have."""
    newest = ScriptDirectory(str(SCRIPTS)).get_current_head()
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), newest
    finally:
        database.dispose()


def drift(url: str) -> list[Any]:
    """Where the models and the database differ; empty when they agree."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            return list(compare_metadata(context, Model.metadata))
    finally:
        database.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _user_of(url: str) -> str | None:
    return make_url(with_driver(url)).username
