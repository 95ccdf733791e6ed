"""The cast, ready in a database of the test's own."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.cast import Cast, Service, build_cast, new_service
from tests.cluster import APPLICATION, new_name, running_cluster
from tests.database import KINDS, migrated_database
from tests.integration.transfers.stage import Stage, set_stage
from transfer_service.db.session import Database


@dataclass(frozen=True)
class CastTemplate:
    """A database in which the cast has signed up; `source` is a file, or the name of a PostgreSQL database."""

    source: str
    cast: Cast


@pytest.fixture(scope="session")
def cast_template(
    run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], CastTemplate]]:
    """Make the template of a kind the first time it is asked for, once for each worker."""
    made: dict[str, CastTemplate] = {}
    with ExitStack() as stack:

        def get(kind: str) -> CastTemplate:
            if kind not in made:
                folder = tmp_path_factory.mktemp(f"cast-{kind}")
                empty = stack.enter_context(migrated_database(kind, run_folder=run_folder, folder=folder))
                made[kind] = _fill(kind, empty.url)
            return made[kind]

        yield get


@pytest.fixture(params=KINDS)
def cast_and_service(
    request: pytest.FixtureRequest,
    cast_template: Callable[[str], CastTemplate],
    run_folder: Path,
    tmp_path: Path,
) -> Iterator[tuple[Cast, Service]]:
    """A copy of the template: the test runs once on each kind of database."""
    kind: str = request.param
    template = cast_template(kind)
    if kind == "sqlite":
        path = tmp_path / "cast.db"
        shutil.copyfile(template.source, path)
        yield from _opened(template.cast, f"sqlite:///{path}")
        return
    cluster = running_cluster(run_folder)
    name = new_name()
    cluster.create(name, template=template.source)
    try:
        yield from _opened(template.cast, cluster.url(APPLICATION, name))
    finally:
        cluster.drop(name)


@pytest.fixture
def cast(cast_and_service: tuple[Cast, Service]) -> Cast:
    """Everybody."""
    return cast_and_service[0]


@pytest.fixture
def stage(cast: Cast, service: Service, tmp_path: Path) -> Stage:
    """The cast with a store for attachments and a calendar."""
    return set_stage(cast, service, tmp_path / "blobs")


@pytest.fixture
def service(cast_and_service: tuple[Cast, Service]) -> Service:
    """The installation that they use."""
    return cast_and_service[1]


def _fill(kind: str, url: str) -> CastTemplate:
    database = Database(url)
    cast = build_cast(database)
    database.dispose()
    if kind == "postgresql":
        return CastTemplate(source=url.rsplit("/", 1)[1], cast=cast)
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else part of it may still be in the -wal file
    connection.close()
    return CastTemplate(source=path, cast=cast)


def _opened(cast: Cast, url: str) -> Iterator[tuple[Cast, Service]]:
    database = Database(url)
    try:
        yield cast, new_service(database)
    finally:
        database.dispose()


@pytest.fixture
def statements(service: Service) -> Callable[[], AbstractContextManager[list[str]]]:
    """Collect the SQL statements that a block of code makes, without BEGIN and the like."""

    @contextmanager
    def collect() -> Iterator[list[str]]:
        made: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if not statement.startswith(("PRAGMA", "BEGIN")):
                made.append(statement)

        event.listen(service.database.engine, "before_cursor_execute", note)
        try:
            yield made
        finally:
            event.remove(service.database.engine, "before_cursor_execute", note)

    return collect
