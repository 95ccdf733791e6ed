import hashlib
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from tests.database import Database as MadeDatabase
from tests.integration.register import AT, COLUMNS, NOON, extract, opened, row, run_import
from transfer_service.audit.leaf import decode_leaf
from transfer_service.db.models import Authority, FormerUrn, LogLeaf, Membership, Person, School
from transfer_service.db.queries.schools import find_school_by_urn, list_successors
from transfer_service.db.session import Database
from transfer_service.domain.roles import MembershipState, Role
from transfer_service.interchange.gias import read_establishments, read_links
from transfer_service.use_cases import register
from transfer_service.use_cases.register import import_schools

GIAS = Path(__file__).parents[3] / "shared" / "data" / "gias"
needs_data = pytest.mark.skipif(not GIAS.exists(), reason="the shared extracts of GIAS are not beside the checkout")


@pytest.fixture
def schools(database: MadeDatabase) -> Iterator[Database]:
    with opened(database) as made:
        yield made


def add_dsl(database: Database, urn: str) -> UUID:
    """Somebody works at the school, so that it is in use."""
    with database.writing() as session:
        school = session.scalars(select(School).where(School.urn == urn)).one()
        person = Person(id=AT.new_id(), email=f"dsl{urn}@example.org", created_at=NOON)
        session.add(person)
        session.flush()
        session.add(
            Membership(
                id=AT.new_id(),
                person_id=person.id,
                school_id=school.id,
                role=Role.DESIGNATED_SAFEGUARDING_LEAD,
                state=MembershipState.ACTIVE,
                created_at=NOON,
            )
        )
        return school.id


def leaves(database: Database) -> list[tuple[str, UUID | None]]:
    with database.reading() as session:
        bodies = session.scalars(select(LogLeaf.body).order_by(LogLeaf.idx))
        return [(decode_leaf(body).said.event, decode_leaf(body).said.subject) for body in bodies]


def test_new_schools_and_their_authority_are_created_with_one_leaf_that_names_the_file(schools: Database):
    digest = hashlib.sha256(b"the file").digest()
    with schools.writing() as session:
        report = run_import(session, row("100001"), row("100002", "Abbots Farm"), digest=digest)
    assert (report.created, report.changed, report.closed, report.unchanged) == (2, 0, 0, 0)
    assert report.authorities_created == 1
    with schools.reading() as session:
        school = find_school_by_urn(session, "100002")
        assert school is not None
        assert (school.name, school.town, school.postcode, school.telephone) == (
            "Abbots Farm",
            "Rugby",
            "CV21 1AA",
            "01788 000000",
        )
        assert school.search_name == "abbots farm rugby cv21 1aa cv211aa"
        authority = session.get_one(Authority, school.authority_id)
        assert (authority.la_code, authority.name, authority.enrolled_at) == ("937", "Warwickshire", None)
        leaf = decode_leaf(session.scalars(select(LogLeaf.body)).one())
        assert (leaf.said.event, leaf.said.basis, leaf.said.digest) == ("schools.imported", "command_line", digest)


def test_a_second_run_with_the_same_file_writes_nothing_at_all(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"), links=(("100001", "100002", "Successor"),))
    with schools.writing() as session:
        report = run_import(session, row("100001"), links=(("100001", "100002", "Successor"),))
        assert not session.dirty
    assert report.unchanged == 1
    assert not report.changes_something
    assert leaves(schools) == [("schools.imported", None)]


def test_what_changed_is_changed_and_a_closed_school_is_counted_as_closed(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"), row("100002"), row("100003"))
    with schools.writing() as session:
        report = run_import(
            session,
            row("100001", "Abbey Academy"),
            row("100002", status="Closed", CloseDate="31-08-2026"),
            row("100003"),
        )
    assert (report.created, report.changed, report.closed, report.unchanged) == (0, 1, 1, 1)
    with schools.reading() as session:
        renamed, closed = find_school_by_urn(session, "100001"), find_school_by_urn(session, "100002")
        assert renamed is not None
        assert renamed.name == "Abbey Academy"
        assert closed is not None
        assert (closed.status, closed.closed_on) == ("Closed", date(2026, 8, 31))


def test_a_school_that_is_not_in_the_file_stays_as_it_is(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"), row("100002"))
    with schools.writing() as session:
        assert not run_import(session, row("100002")).changes_something
    with schools.reading() as session:
        kept = find_school_by_urn(session, "100001")
        assert kept is not None
        assert kept.status == "Open"


def test_a_file_with_fewer_columns_does_not_wipe_the_telephone_number_that_officers_ring(schools: Database):
    few = tuple(column for column in COLUMNS if column != "TelephoneNum")
    with schools.writing() as session:
        run_import(session, row("100001"))
    with schools.writing() as session:
        import_schools(session, AT, rows=read_establishments(extract(row("100001", "Renamed"), columns=few)))
    with schools.reading() as session:
        school = find_school_by_urn(session, "100001")
        assert school is not None
        assert (school.name, school.telephone) == ("Renamed", "01788 000000")


def test_refused_rows_are_reported_with_reasons_and_the_others_are_imported(schools: Database):
    with schools.writing() as session:
        report = run_import(
            session,
            row("100001"),
            row("12"),
            row("100001", "Twice"),
            row("100003", OpenDate="31-02-2020", **{"EstablishmentStatus (name)": "Maybe"}),
            row("100004", EstablishmentNumber=""),
        )
    assert report.created == 2
    assert [(refused.line, refused.reasons) for refused in report.refused] == [
        (3, ("URN is not six digits",)),
        (4, ("the same URN stands further up in the file",)),
        (5, ("EstablishmentStatus (name) is not one that we know", "OpenDate is not a real date")),
    ]


def test_a_dry_run_reports_the_same_and_writes_nothing(schools: Database):
    with schools.reading() as session:
        report = run_import(session, row("100001"), row("1"), dry_run=True)
    assert (report.created, len(report.refused)) == (1, 1)
    assert leaves(schools) == []
    with schools.reading() as session:
        assert session.scalar(select(func.count()).select_from(School)) == 0


def test_an_import_whose_last_step_fails_leaves_nothing(schools: Database, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object) -> None:
        raise RuntimeError("at the last step")

    monkeypatch.setattr(register, "_record", fail)
    with pytest.raises(RuntimeError, match="at the last step"), schools.writing() as session:
        run_import(session, row("100001"), links=(("100001", "100002", "Successor"),))
    with schools.reading() as session:
        for table in ("school", "authority", "school_link", "log_leaf"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_an_enrolled_authority_keeps_the_name_it_goes_by_here(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"))
        session.scalars(select(Authority)).one().enrolled_at = NOON
    renamed = {"LA (name)": "Warwickshire and Coventry"}
    with schools.writing() as session:
        assert not run_import(session, row("100001", **renamed)).changes_something
        assert session.scalars(select(Authority.name)).one() == "Warwickshire"
        session.scalars(select(Authority)).one().enrolled_at = None
        session.flush()
        assert run_import(session, row("100001", **renamed)).changed == 1
        assert session.scalars(select(Authority.name)).all() == ["Warwickshire and Coventry"]


def test_a_closed_schools_successors_are_found_along_the_chain_and_from_either_end(schools: Database):
    links = (
        ("100001", "100002", "Successor"),
        ("100003", "100002", "Predecessor"),
        ("100003", "100004", "Successor - Split School"),
        ("100003", "100005", "Successor - Split School"),
        ("100001", "100006", "Sixth Form Centre Link"),
    )
    closed = [row(urn, status="Closed") for urn in ("100001", "100003")]
    with schools.writing() as session:
        run_import(session, *closed, row("100004", "Beta"), row("100005", "Alpha"), row("100006"), links=links)
    with schools.reading() as session:
        school = find_school_by_urn(session, "100001")
        assert school is not None
        assert [one.urn for one in list_successors(session, school)] == ["100005", "100004"]


def test_a_school_in_use_that_converts_keeps_its_id_and_takes_the_new_urn(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"), row("100002", "Abbey Academy", status="Proposed to open"))
    school_id = add_dsl(schools, "100001")
    rows = (row("100001", status="Closed", CloseDate="31-08-2026"), row("100002", "Abbey Academy"))
    links = (("100001", "100002", "Successor"), ("100002", "100001", "Predecessor"))
    with schools.writing() as session:
        report = run_import(session, *rows, links=links)
    assert (report.created, report.changed, report.closed, report.converted) == (0, 0, 0, 1)
    assert leaves(schools)[1:] == [("school.succeeded", school_id), ("schools.imported", None)]
    with schools.reading() as session:
        for urn in ("100001", "100002"):
            today = find_school_by_urn(session, urn)
            assert today is not None
            assert (today.id, today.urn, today.name, today.status) == (school_id, "100002", "Abbey Academy", "Open")
        former = session.scalars(select(FormerUrn)).one()
        assert (former.urn, former.ended_on) == ("100001", date(2026, 8, 31))
        assert session.scalar(select(func.count()).select_from(School)) == 1
    with schools.writing() as session:
        assert not run_import(session, *rows, links=links).changes_something


@pytest.mark.parametrize(
    "links",
    [
        (("100001", "100002", "Successor - merged"),),
        (("100001", "100002", "Successor"), ("100003", "100002", "Successor")),
        (("100001", "100002", "Successor"), ("100001", "100003", "Successor")),
        (("100001", "100002", "Successor"), ("100001", "100003", "Successor - Split School")),
    ],
)
def test_a_merger_or_split_converts_nobody_because_a_person_must_say_who_went_where(
    schools: Database, links: tuple[tuple[str, str, str], ...]
):
    with schools.writing() as session:
        run_import(session, row("100001"))
    school_id = add_dsl(schools, "100001")
    with schools.writing() as session:
        report = run_import(session, row("100001", status="Closed"), row("100002"), row("100003"), links=links)
    assert (report.created, report.closed, report.converted) == (2, 1, 0)
    with schools.reading() as session:
        assert session.get_one(School, school_id).urn == "100001"


def test_a_successor_that_is_in_use_itself_is_left_alone(schools: Database):
    with schools.writing() as session:
        run_import(session, row("100001"), row("100002"))
    add_dsl(schools, "100001")
    add_dsl(schools, "100002")
    with schools.writing() as session:
        report = run_import(
            session,
            row("100001", status="Closed"),
            row("100002"),
            links=(("100001", "100002", "Successor"), ("100002", "100001", "Predecessor")),
        )
    assert (report.converted, report.closed) == (0, 1)


@needs_data
def test_all_of_englands_state_schools_are_imported_in_seconds_and_again_as_nothing(schools: Database):
    def run() -> tuple[register.ImportReport, float]:
        started = time.monotonic()
        with (
            (GIAS / "edubasealldata_state_schools.csv").open("rb") as rows,
            (GIAS / "links_edubasealldata20250422.csv").open("rb") as links,
            schools.writing() as session,
        ):
            report = import_schools(session, AT, rows=read_establishments(rows), links=read_links(links))
        return report, time.monotonic() - started

    first, seconds = run()
    assert (first.created, first.changed, first.closed, first.converted) == (23_666, 0, 0, 0)
    assert first.refused == ()
    assert first.links_changed == 33_801
    assert seconds < 60
    second, _ = run()
    assert second.unchanged == 23_666
    assert not second.changes_something
    with schools.reading() as session:
        closed = session.scalars(select(School).where(School.status == "Closed", School.la_code == "937")).all()
        assert len(closed) == 31
        assert all(one.status != "Closed" for school in closed for one in list_successors(session, school))
        assert sum(bool(list_successors(session, school)) for school in closed) >= 30


@needs_data
def test_the_extract_with_all_columns_brings_telephone_numbers_that_can_be_dialled(schools: Database):
    with (GIAS / "edubasealldata_41_rows_all_columns.csv").open("rb") as rows, schools.writing() as session:
        report = import_schools(session, AT, rows=read_establishments(rows))
    assert (report.created, report.refused) == (41, ())
    with schools.reading() as session:
        school = find_school_by_urn(session, "100000")
        assert school is not None
        assert (school.telephone, school.low_age, school.high_age) == ("02072831147", 3, 11)
