"""Fresh databases for tests, on SQLite and on PostgreSQL.

A template of each kind is migrated once in a test run; a test gets a copy of it.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import APPLICATION, OWNER, Cluster, locked, new_name, running_cluster

KINDS = ("sqlite", "postgresql")
TEMPLATE = "template_migrated"


@dataclass(frozen=True)
class Database:
    """Where a test's own database is.

    `url` is what the service connects with. `owner_url` is what migrations run with: on PostgreSQL another role,
    which owns every table; None on SQLite, which knows no roles. `kind` is one of `KINDS`.
    """

    url: str
    owner_url: str | None
    kind: str


@contextmanager
def migrated_database(kind: str, *, run_folder: Path, folder: Path) -> Iterator[Database]:
    """A new database with every migration applied; `folder` is the test's own, `run_folder` the whole run's."""
    if kind == "sqlite":
        path = folder / "transfer.db"
        shutil.copyfile(_sqlite_template(run_folder), path)
        yield _sqlite(path)
        return
    cluster = running_cluster(run_folder)
    _postgresql_template(cluster, run_folder)
    with _postgresql(cluster, template=TEMPLATE) as database:
        yield database


@contextmanager
def empty_database(kind: str, *, run_folder: Path, folder: Path) -> Iterator[Database]:
    """A new database with nothing in it, for tests of the migrations themselves."""
    if kind == "sqlite":
        yield _sqlite(folder / "empty.db")
        return
    with _postgresql(running_cluster(run_folder), template="template1") as database:
        yield database


def _sqlite(path: Path) -> Database:
    return Database(url=f"sqlite:///{path}", owner_url=None, kind="sqlite")


def _sqlite_template(run_folder: Path) -> Path:
    path = run_folder / "template.db"
    with locked(run_folder / "template.lock"):
        if not path.exists():
            _migrate_sqlite(path)
    return path


def _migrate_sqlite(path: Path) -> None:
    from transfer_service.db.migrate import upgrade

    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    upgrade(f"sqlite:///{unfinished}")
    connection = sqlite3.connect(unfinished)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else part of it may still be in the -wal file
    connection.close()
    unfinished.rename(path)


@contextmanager
def _postgresql(cluster: Cluster, *, template: str) -> Iterator[Database]:
    name = new_name()
    cluster.create(name, template=template)
    try:
        yield Database(url=cluster.url(APPLICATION, name), owner_url=cluster.url(OWNER, name), kind="postgresql")
    finally:
        cluster.drop(name)


def _postgresql_template(cluster: Cluster, run_folder: Path) -> None:
    from transfer_service.db.migrate import upgrade

    done = run_folder / "postgresql.migrated"
    with locked(run_folder / "postgresql.lock"):
        if done.exists():
            return
        cluster.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")  # left by a migration that failed
        cluster.create(TEMPLATE)
        upgrade(cluster.url(APPLICATION, TEMPLATE), owner_url=cluster.url(OWNER, TEMPLATE))
        done.touch()
