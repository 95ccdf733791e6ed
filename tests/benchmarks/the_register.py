"""Importing the register of schools."""

import csv
import io
import sqlite3

from uuid_utils.compat import uuid7

from tests.benchmarks.measuring import Bench, Figure, benchmark, seconds_once
from tests.integration.register import NOON, extract, row
from transfer_service.db.session import Database
from transfer_service.interchange.gias import read_establishments
from transfer_service.use_cases.register import import_schools

SCHOOLS = 23_666


class At:
    """The time and new ids."""

    now = staticmethod(lambda: NOON)
    new_id = staticmethod(uuid7)


@benchmark(f"importing a register of {SCHOOLS:,} schools, SQLite", floor="csv and one executemany, sqlite3 alone")
def importing(bench: Bench) -> tuple[Figure, Figure]:
    file = extract(*(row(str(100_000 + number), f"School {number}") for number in range(SCHOOLS))).getvalue()
    with bench.database("sqlite") as made:
        database = Database(made.url)

        def ours() -> None:
            with database.writing() as session:
                import_schools(session, At(), rows=read_establishments(io.BytesIO(file)))

        measured = seconds_once(ours, best_of=1)
        database.dispose()
    bare = sqlite3.connect(bench.folder / "bare-register.db")
    bare.execute("CREATE TABLE school (id BLOB PRIMARY KEY, urn TEXT UNIQUE, a, b, c, d, e, f, g, h, i, j)")

    def floor() -> None:
        reader = csv.reader(io.StringIO(file.decode("cp1252")))
        next(reader)
        rows = [(uuid7().bytes, *cells) for cells in reader]
        with bare:
            bare.executemany("INSERT INTO school VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    floored = seconds_once(floor, best_of=1)
    bare.close()
    return measured, floored


@benchmark(f"importing the same {SCHOOLS:,} schools again, SQLite", floor="reading the file by csv alone")
def importing_again(bench: Bench) -> tuple[Figure, Figure]:
    file = extract(*(row(str(100_000 + number), f"School {number}") for number in range(SCHOOLS))).getvalue()
    with bench.database("sqlite") as made:
        database = Database(made.url)

        def ours() -> None:
            with database.writing() as session:
                import_schools(session, At(), rows=read_establishments(io.BytesIO(file)))

        ours()
        measured = seconds_once(ours)
        database.dispose()
    return measured, seconds_once(lambda: list(csv.reader(io.StringIO(file.decode("cp1252")))))
