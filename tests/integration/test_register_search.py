from collections.abc import Iterator

import pytest

from tests.database import Database as MadeDatabase
from tests.integration.register import opened, row, run_import
from transfer_service.db.queries.schools import search_schools
from transfer_service.db.session import Database

ROWS = (
    row("100001", "St Joseph's Catholic Primary School", Town="Rugby", Postcode="CV22 5EL"),
    row("100002", "St Joseph's Catholic Primary School", Town="Nuneaton", Postcode="CV11 5TZ"),
    row("100003", "Abbey School", Town="Rugby", status="Closed", EstablishmentNumber="3301"),
    row("100004", "Zephyr Abbey", Town="Rugby", EstablishmentNumber="3302"),
    row("100005", "Château-Gris School & Nursery", Town="Kenilworth"),
)


@pytest.fixture
def schools(database: MadeDatabase) -> Iterator[Database]:
    with opened(database) as made:
        with made.writing() as session:
            run_import(session, *ROWS)
        yield made


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("st josephs rugby", ["100001"]),
        ("Saint Joseph’s  RUGBY", ["100001"]),
        ("rugby joseph", ["100001"]),
        ("st joseph", ["100002", "100001"]),
        ("cv22 5el", ["100001"]),
        ("CV225EL", ["100001"]),
        ("abbey", ["100004", "100003"]),
        ("chateau gris", ["100005"]),
        ("school and nursery", ["100005"]),
        ("100003", ["100003"]),
        ("937/3302", ["100004"]),
        ("9373301", ["100003"]),
        ("999999", []),
        ("joseph leamington", []),
        ("oseph", []),
        ("%", []),
        ("", []),
    ],
)
def test_a_school_is_found_by_what_people_type(schools: Database, typed: str, found: list[str]):
    with schools.reading() as session:
        assert [school.urn for school in search_schools(session, typed)] == found


def test_no_more_schools_are_listed_than_asked_for(schools: Database):
    with schools.reading() as session:
        assert len(search_schools(session, "rugby", limit=2)) == 2
