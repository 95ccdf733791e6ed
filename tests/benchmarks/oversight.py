"""What an authority's pages ask of a full database: 200,000 moves between 3,750 schools of fifteen authorities."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, insert, select, text
from sqlalchemy.orm import Session

from tests.benchmarks.measuring import Bench, Figure, benchmark, microseconds_each
from transfer_service.crypto.fields import FieldKeyring
from transfer_service.db.models import Authority, Dispatch, LogLeaf, School, Transfer
from transfer_service.db.queries import log_pages, oversight_lists
from transfer_service.db.queries.log import Wanted
from transfer_service.db.session import Database
from transfer_service.domain.oversight import Box, DispatchShow, PeriodChoice
from transfer_service.domain.roles import Actor, OrganisationKind, Role
from transfer_service.domain.transfer import DispatchKind, Status, TransferKind
from transfer_service.use_cases.installation import Installation
from transfer_service.use_cases.oversight.compliance import list_figures

MOVES = 200_000
AUTHORITIES = 15
SCHOOLS_EACH = 250
LEAVES = 300_000
TODAY = date(2026, 10, 15)
NOW = datetime(2026, 10, 15, 9, tzinfo=UTC)
CHUNK = 5_000
STATES = (
    [Status.ACKNOWLEDGED] * 80 + [Status.OPENED] * 4 + [Status.SENT] * 7 + [Status.DRAFT] * 6 + [Status.WITHDRAWN] * 3
)


class Filled:
    """A database with moves and leaves, and one authority to look with."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.chosen = random.Random(11)
        self.authorities = [UUID(int=number + 1) for number in range(AUTHORITIES)]
        self.schools = [UUID(int=1_000 + number) for number in range(AUTHORITIES * SCHOOLS_EACH)]
        with database.writing() as session:
            session.execute(
                insert(Authority),
                [
                    {"id": one, "la_code": f"{900 + number}", "name": f"Authority {number}", "enrolled_at": NOW}
                    for number, one in enumerate(self.authorities)
                ],
            )
            session.execute(insert(School), [self._school(number) for number in range(len(self.schools))])

    def fill_moves(self) -> None:
        """Write the moves, and let the database learn how its rows are spread."""
        for start in range(0, MOVES, CHUNK):
            with self.database.writing() as session:
                moves = [self._move(number) for number in range(start, start + CHUNK)]
                session.execute(insert(Transfer), [transfer for transfer, _ in moves])
                session.execute(insert(Dispatch), [dispatch for _, dispatch in moves])
        self._analyse()

    def _analyse(self) -> None:
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))

    def _school(self, number: int) -> dict[str, object]:
        return {
            "id": self.schools[number], "authority_id": self.authorities[number // SCHOOLS_EACH],
            "urn": f"{100_000 + number}", "la_code": "937", "name": f"School {number}",
            "search_name": f"school {number}", "type_name": "", "phase": "", "status": "Open", "town": "Rugby",
            "postcode": "", "telephone": "",
        }  # fmt: skip

    def _move(self, number: int) -> tuple[dict[str, object], dict[str, object]]:
        chosen = self.chosen
        place = chosen.randrange(len(self.schools))
        other = place // SCHOOLS_EACH * SCHOOLS_EACH + chosen.randrange(SCHOOLS_EACH)
        if chosen.random() < 0.08:
            other = chosen.randrange(len(self.schools))
        due = TODAY - timedelta(days=chosen.randrange(-10, 350))
        status = chosen.choice(STATES)
        sent = None
        if status is not Status.DRAFT:
            sent = datetime(due.year, due.month, due.day, 11, tzinfo=UTC) - timedelta(days=chosen.randrange(-2, 5))
        acknowledged = sent + timedelta(days=chosen.randrange(9)) if sent and status is Status.ACKNOWLEDGED else None
        transfer_id = UUID(int=10_000_000 + number)
        transfer = {
            "id": transfer_id, "reference": f"PT-{number}", "sending_school_id": self.schools[place],
            "kind": TransferKind.IN_YEAR, "leaving_on": due - timedelta(days=7), "created_at": NOW,
            "created_by": transfer_id, "forename": b"", "surname": b"", "date_of_birth": b"", "upn_choice": "none",
            "name_index": number.to_bytes(18, "big"),
        }  # fmt: skip
        dispatch = {
            "id": UUID(int=20_000_000 + number), "transfer_id": transfer_id, "number": 1,
            "kind": DispatchKind.NIL if chosen.random() < 0.4 and status is not Status.OPENED else DispatchKind.FILE,
            "status": status, "receiving_school_id": self.schools[other], "urgent": False, "due_on": due,
            "receiver_due_on": (sent + timedelta(days=7)).date() if sent else None, "created_at": NOW,
            "created_by": transfer_id, "sent_at": sent, "delivered_at": sent, "acknowledged_at": acknowledged,
            "legal_hold": False,
        }  # fmt: skip
        return transfer, dispatch

    def fill_log(self, owner_url: str | None) -> None:
        """Write leaves as rows, past the guards, which let in one at a time: only finding them is measured."""
        owner = Database(owner_url or self.database.url)
        with owner.writing() as session:
            if owner.is_sqlite:
                guards = session.scalars(text("SELECT name FROM sqlite_master WHERE type='trigger'")).all()
                for name in guards:
                    session.execute(text(f"DROP TRIGGER {name}"))
            else:
                session.execute(text("ALTER TABLE log_leaf DISABLE TRIGGER USER"))
        owner.dispose()
        for start in range(0, LEAVES, CHUNK):
            with self.database.writing() as session:
                session.execute(insert(LogLeaf.__table__), [self._leaf(idx) for idx in range(start, start + CHUNK)])
        self._analyse()

    def _leaf(self, idx: int) -> dict[str, object]:
        return {
            "idx": idx, "body": b"{}", "hash": bytes(32), "at": NOW + timedelta(seconds=idx),
            "event": ("dispatch.sent", "notes.read", "alert.sent", "pupil_name.shown")[min(idx * idx % 37 // 9, 3)],
            "org": self.chosen.choice(self.schools), "actor": UUID(int=90_000_000 + idx % 5_000),
            "transfer": UUID(int=10_000_000 + idx % MOVES), "subject": None, "erases": None,
        }  # fmt: skip


def filled(bench: Bench, kind: str, *, log: bool = False) -> Filled:
    """The filled database of a kind, filled once in a run: these benchmarks only read it."""
    return bench.shared((kind, "log" if log else "moves"), lambda: _filling(bench, kind, log=log))


@contextmanager
def _filling(bench: Bench, kind: str, *, log: bool) -> Iterator[Filled]:
    with bench.database(kind) as made:
        database = Database(made.url)
        try:
            found = Filled(database)
            if log:
                found.fill_log(made.owner_url)
            else:
                found.fill_moves()
            yield found
        finally:
            database.dispose()


def reading(found: Filled, work: Callable[..., object]) -> Figure:
    """Time a look in a reading transaction of its own, in milliseconds."""

    def look() -> None:
        with found.database.reading() as session:
            work(session)

    each = microseconds_each(look, rounds=5, calls=5)
    return Figure(each.value / 1000, "ms")


def officer(found: Filled) -> Actor:
    return Actor(
        person_id=UUID(int=5),
        organisation_id=found.authorities[3],
        organisation_kind=OrganisationKind.AUTHORITY,
        roles=frozenset({Role.HEAD_OF_SERVICE}),
    )


def installation() -> Installation:
    keys = FieldKeyring({1: bytes(range(32))}, deployment="benchmark")
    return Installation(deployment="benchmark", field_keys=keys, now=lambda: NOW, new_id=lambda: UUID(int=1))


def measure_figures(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    found = filled(bench, kind)
    at, actor = installation(), officer(found)
    late = func.sum(case((Dispatch.due_on < TODAY, 1), else_=0))
    sent = (
        select(Transfer.sending_school_id, func.count(), late)
        .join(School, School.id == Transfer.sending_school_id)
        .join(Dispatch, Dispatch.transfer_id == Transfer.id)
        .where(School.authority_id == found.authorities[3])
        .group_by(Transfer.sending_school_id)
    )
    received = (
        select(Dispatch.receiving_school_id, func.count(), late)
        .join(School, School.id == Dispatch.receiving_school_id)
        .where(School.authority_id == found.authorities[3])
        .group_by(Dispatch.receiving_school_id)
    )
    ours = reading(found, lambda session: list_figures(session, at, actor, period=PeriodChoice.EVERYTHING))
    floor = reading(found, lambda session: (session.execute(sent).all(), session.execute(received).all()))
    return ours, floor


def measure_school(kind: str, bench: Bench) -> tuple[Figure, Figure]:
    found = filled(bench, kind)
    school = found.schools[3 * SCHOOLS_EACH + 7]
    bare = (
        select(Dispatch, Transfer)
        .join(Transfer, Transfer.id == Dispatch.transfer_id)
        .where(Transfer.sending_school_id == school)
        .order_by(Dispatch.due_on)
        .limit(51)
    )
    ours = reading(
        found,
        lambda session: oversight_lists.list_dispatches(
            session, school_id=school, box=Box.SENT, show=DispatchShow.ALL, today=TODAY, after=None, limit=51
        ),
    )
    return ours, reading(found, lambda session: session.execute(bare).all())


def measure_log(kind: str, asked: str, bench: Bench) -> tuple[Figure, Figure]:
    found = filled(bench, kind, log=True)
    middle = LEAVES // 2
    more: dict[str, dict[str, Any]] = {
        "everything": {},
        "one event": {"event": "dispatch.sent"},
        "one day": {"since": NOW + timedelta(days=1), "until": NOW + timedelta(days=2)},
        "one school": {"school_id": found.schools[3 * SCHOOLS_EACH + 7]},
    }
    wanted = Wanted(authority_id=found.authorities[3], **more[asked])
    bare = select(LogLeaf).where(LogLeaf.idx < middle).order_by(LogLeaf.idx.desc()).limit(51)

    def page(session: Session) -> Sequence[LogLeaf]:
        return log_pages.list_leaves(session, wanted, before=middle, limit=51)

    with found.database.reading() as session:
        assert page(session)
    return reading(found, page), reading(found, lambda session: session.scalars(bare).all())


for kind, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
    benchmark(
        f"an authority's figures by school of {MOVES:,} moves, {title}",
        floor="two bare GROUP BY over the same rows, one clock, no outcome and no reason",
    )(partial(measure_figures, kind))
    benchmark(
        f"one page of a school's dispatches of {MOVES:,}, {title}", floor="the same rows without bands and reasons"
    )(partial(measure_school, kind))
    for asked in ("everything", "one event", "one day", "one school"):
        benchmark(
            f"one page of an authority's log of {LEAVES:,} leaves, {asked}, {title}",
            floor="51 leaves in order, unfiltered",
        )(partial(measure_log, kind, asked))
